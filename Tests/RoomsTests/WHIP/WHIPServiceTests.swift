import RTP
import Synchronization
import Testing

@testable import Rooms

@Suite("WHIP and WHEP as services, against a server of the test's", .timeLimit(.minutes(1)))
struct WHIPServiceTests {
    private static func request(_ kind: JoinRequest.Kind = .join) -> JoinRequest {
        JoinRequest(
            call: CallID(id: "stage"), user: User(id: "ada"), kind: kind, sessionID: "a1", unifiedSessionID: "unified")
    }

    private static func service(_ url: String, publishes: Bool = true) throws -> any CallService {
        var options = WHIPOptions()
        options.token = "word"
        return publishes ? try WHIPService(url: url, options: options) : try WHEPService(url: url, options: options)
    }

    private static func join(_ service: any CallService, _ kind: JoinRequest.Kind = .join) async throws
        -> any RoomSession
    { try await service.join(request(kind)) { _, _ in } }

    @Test(
        "a join posts the offer with the token; leaving deletes what the server made, once", arguments: [true, false])
    func life(publishes: Bool) async throws {
        let server = try await ScriptedHTTP()
        let session = try await Self.join(try Self.service(server.url, publishes: publishes))
        let post = try #require(server.seen("POST").first)
        #expect(post.path == "/stage" && post["Authorization"] == "Bearer word")
        #expect(
            post["Content-Type"] == "application/sdp" && post.body.contains(publishes ? "a=sendonly" : "a=recvonly"))
        try await session.leave()
        try await session.leave()
        await session.close()
        let deletions = server.seen("DELETE")
        #expect(deletions.map(\.path) == ["/sessions/1"] && deletions.first?["Authorization"] == "Bearer word")
        await server.stop()
    }

    @Test(
        "a refusal is a typed error with the server's words",
        arguments: [
            (400, .invalidArgument), (401, .unauthorized), (403, .unauthorized), (404, .notFound), (405, .unsupported),
            (408, .timedOut), (409, .full), (410, .notFound), (415, .invalidArgument), (422, .invalidArgument),
            (500, .refused), (501, .unsupported), (503, .full), (504, .timedOut), (200, .refused),
        ] as [(Int, ServiceError.Code)])
    func refusals(status: Int, told: ServiceError.Code) async throws {
        let server = try await ScriptedHTTP { _ in .init(status: status, body: "not today\nsecond line") }
        let error = await #expect(throws: ServiceError.self) { _ = try await Self.join(try Self.service(server.url)) }
        #expect(error?.code == told && error?.reason == "the server answered \(status): not today")
        #expect((error?.advice != nil) == (told == .unauthorized))
        #expect(server.seen.count == 1)
        await server.stop()
    }

    @Test("an answer that cannot be used is refused, and what the server made is given back")
    func badAnswers() async throws {
        let homeless = try await ScriptedHTTP { _ in .init(status: 201, body: "v=0") }
        let error = await #expect(throws: ServiceError.self) { _ = try await Self.join(try Self.service(homeless.url)) }
        #expect(error?.code == .refused)
        await homeless.stop()
        let senseless = try await ScriptedHTTP { request in
            request.method == "POST"
                ? .init(status: 201, headers: [("Location", "sessions/9")], body: "hello") : nil
        }
        let other = await #expect(throws: ServiceError.self) {
            _ = try await Self.join(try Self.service(senseless.url))
        }
        #expect(other?.code == .refused)
        #expect(senseless.seen("DELETE").map(\.path) == ["/sessions/9"])
        await senseless.stop()
    }

    @Test("a server that is not there cannot be reached")
    func unreachable() async throws {
        let server = try await ScriptedHTTP()
        await server.stop()
        let error = await #expect(throws: ServiceError.self) { _ = try await Self.join(try Self.service(server.url)) }
        #expect(error?.code == .unreachable)
    }

    @Test(
        "307 and 308 are followed with method, body and token, and the session is where the last answer says",
        arguments: [307, 308])
    func redirected(status: Int) async throws {
        let server = try await ScriptedHTTP { request in
            request.path == "/stage" ? .init(status: status, headers: [("Location", "/elsewhere/stage")]) : nil
        }
        let session = try await Self.join(try Self.service(server.url))
        let posts = server.seen("POST")
        #expect(posts.map(\.path) == ["/stage", "/elsewhere/stage"] && posts[0].body == posts[1].body)
        #expect(posts[1]["Authorization"] == "Bearer word" && posts[1]["Content-Type"] == "application/sdp")
        try await session.leave()
        #expect(server.seen("DELETE").map(\.path) == ["/sessions/1"])
        await session.close()
        await server.stop()
    }

    @Test("to another host a redirection takes no token with it")
    func tokenStays() async throws {
        let server = try await ScriptedHTTP()
        let port = server.port
        server.rule { request in
            request.path == "/stage"
                ? .init(status: 307, headers: [("Location", "http://localhost:\(port)/other")]) : nil
        }
        let session = try await Self.join(try Self.service(server.url))
        #expect(server.seen("POST").map { $0["Authorization"] } == ["Bearer word", ""])
        await session.close()
        await server.stop()
    }

    @Test(
        "other redirections, ones in a circle and ones to nowhere are refused",
        arguments: [(302, "/stage", 1), (301, "/other", 1), (303, "/other", 1), (307, "/stage", 6), (308, nil, 1)]
            as [(Int, String?, Int)])
    func notFollowed(status: Int, location: String?, posts: Int) async throws {
        let server = try await ScriptedHTTP { _ in
            .init(status: status, headers: location.map { [("Location", $0)] } ?? [])
        }
        let error = await #expect(throws: ServiceError.self) { _ = try await Self.join(try Self.service(server.url)) }
        #expect(error?.code == .refused && server.seen("POST").count == posts)
        await server.stop()
    }

    @Test(
        "candidates go by PATCH with the ETag; a server that takes none (405, 501) is asked once and the session goes on",
        arguments: [204, 405, 501, 412, 428])
    func trickle(status: Int) async throws {
        let server = try await ScriptedHTTP { $0.method == "PATCH" ? .init(status: status) : nil }
        let session = try await Self.join(try Self.service(server.url))
        while server.seen("PATCH").isEmpty { try await aMoment() }
        let patch = try #require(server.seen("PATCH").first)
        #expect(patch.path == "/sessions/1" && patch["If-Match"] == "\"first\"")
        #expect(patch["Authorization"] == "Bearer word")
        #expect(patch["Content-Type"] == "application/trickle-ice-sdpfrag" && patch.body.contains("a=ice-ufrag:"))
        if status == 204 {
            while server.seen("PATCH").last?.body.contains("a=end-of-candidates") != true { try await aMoment() }
            #expect(server.seen.contains { $0.body.contains("a=candidate:") })
        }
        try await session.publish(TrackInfo(id: TrackID(sessionID: "a1", kind: .audio), ssrc: SSRC(rawValue: 1)))
        try await session.leave()
        await session.close()
        if status == 405 || status == 501 { #expect(server.seen("PATCH").count == 1) }
        await server.stop()
    }

    @Test("an ICE restart is a PATCH with If-Match *, whose answer has the server's new credentials")
    func restarts() async throws {
        let server = try await ScriptedHTTP()
        let service = try Self.service(server.url)
        let first = try await Self.join(service)
        server.rule { request in
            guard request.method == "PATCH", request["If-Match"] == "*" else { return nil }
            return .init(
                status: 200, headers: [("ETag", "\"second\""), ("Content-Type", "application/trickle-ice-sdpfrag")],
                body:
                    "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
            )
        }
        let again = try await Self.join(service, .fastReconnect)
        #expect(server.seen("POST").count == 1)
        #expect(server.seen("PATCH").contains { $0["If-Match"] == "*" && $0.body.contains("a=ice-ufrag:") })
        await again.close()
        await first.close()
        await server.stop()
    }

    @Test(
        "where the server makes no ICE restart the session is lost, and a way out is told",
        arguments: [404, 405, 409, 412, 422, 428, 501, 204])
    func restartRefused(status: Int) async throws {
        let server = try await ScriptedHTTP { $0["If-Match"] == "*" ? .init(status: status) : nil }
        let service = try Self.service(server.url)
        let first = try await Self.join(service)
        let error = await #expect(throws: ServiceError.self) { _ = try await Self.join(service, .fastReconnect) }
        #expect(error?.code == .sessionLost && error?.advice == "Rejoin with a new session id.")
        await first.close()
        await server.stop()
    }

    @Test(
        "a DELETE that finds nothing is a leave; one that is refused is told",
        arguments: [(404, nil), (204, nil), (500, .refused), (401, .unauthorized)] as [(Int, ServiceError.Code?)])
    func deletion(status: Int, told: ServiceError.Code?) async throws {
        let server = try await ScriptedHTTP { $0.method == "DELETE" ? .init(status: status) : nil }
        let session = try await Self.join(try Self.service(server.url))
        var code: ServiceError.Code?
        do { try await session.leave() } catch let error as ServiceError { code = error.code }
        #expect(code == told)
        await session.close()
        await server.stop()
    }

    @Test("WHEP sends nothing and WHIP no second picture")
    func whatThereIsNoWayFor() async throws {
        let server = try await ScriptedHTTP()
        for (publishes, kind, told) in [
            (false, TrackKind.audio, ServiceError.Code.notPermitted), (true, .screenShare, .unsupported),
        ] {
            let session = try await Self.join(try Self.service(server.url, publishes: publishes))
            let error = await #expect(throws: ServiceError.self) {
                try await session.publish(TrackInfo(id: TrackID(sessionID: "a1", kind: kind), ssrc: SSRC(rawValue: 1)))
            }
            #expect(error?.code == told)
            await session.close()
        }
        await server.stop()
    }
}
