import RTP
import Synchronization
import TestSupport
import Testing

@testable import Rooms

@Suite("Janus as a service, against a server of the test's", .timeLimit(.minutes(1)))
struct JanusServiceTests {
    private static let call = CallID(id: "1001")

    /// A service and its server, and the session of `a1` in room 1001.
    private struct Joined {
        let janus: ScriptedJanus
        let service: JanusService
        let session: any RoomSession
        /// The publisher's handle.
        let handle: Int64?

        func end() async {
            await session.close()
            await janus.stop()
        }

        /// The first event that is wanted.
        func event(_ wanted: (SessionEvent) -> Bool) async -> SessionEvent? {
            for await event in session.events where wanted(event) { return event }
            return nil
        }
    }

    private static func options(_ change: (inout JanusOptions) -> Void = { _ in }) -> JanusOptions {
        var options = JanusOptions()
        change(&options)
        return options
    }

    private static func request(_ id: SessionID, _ kind: JoinRequest.Kind = .join) -> JoinRequest {
        JoinRequest(
            call: call, user: User(id: "ada", name: "Ada"), kind: kind, sessionID: id, unifiedSessionID: "unified")
    }

    private static func join(
        _ options: JanusOptions = options(), clock: any Clock<Duration> = ContinuousClock(),
        _ rule: ScriptedJanus.Rule? = nil
    ) async throws -> Joined {
        let janus = try await ScriptedJanus(rule)
        let service = try JanusService(url: janus.url, options: options, clock: clock)
        do {
            let session = try await service.join(request("a1")) { _, _ in }
            let handle = janus.seen.first { $0.request == "join" }?.handle
            return Joined(janus: janus, service: service, session: session, handle: handle)
        } catch {
            await janus.stop()
            throw error
        }
    }

    private static let microphone = TrackInfo(
        id: TrackID(sessionID: "a1", kind: .audio), ssrc: SSRC(rawValue: 1111), isMuted: false)

    /// Somebody of another program, with sound.
    private static let bob: JSON = [
        "id": 77, "display": "Bob", "streams": [["type": "audio", "mid": "0", "codec": "opus"]],
    ]

    @Test(
        "a join creates a session, attaches two handles, and joins as a publisher by a display that names the session")
    func joins() async throws {
        let joined = try await Self.join(
            Self.options {
                $0.token = "word"
                $0.pin = "1234"
                $0.apiSecret = "secret"
            })
        let seen = joined.janus.seen
        #expect(seen.map(\.description) == ["create", "attach", "attach", "join"])
        #expect(seen.allSatisfy { $0.json["token"] == "word" && $0.json["apisecret"] == "secret" })
        let body = try #require(seen.last?.json["body"])
        #expect(body["ptype"] == "publisher" && body["room"] == 1001 && body["pin"] == "1234")
        #expect(body["display"] == "Ada <ada/a1>")
        #expect(joined.session.info.participants.map(\.id) == ["a1"])
        await joined.end()
    }

    @Test("publishing offers with what candidates there are, takes the answer, and trickles the end of them")
    func publishes() async throws {
        let joined = try await Self.join()
        try await joined.session.publish(Self.microphone)
        let publish = try await joined.janus.request("publish")
        #expect(publish.handle == joined.handle && publish.json["jsep"]?["type"] == "offer")
        #expect(publish.json["body"]?["descriptions"]?.array == [["mid": "0", "description": "audio"]])
        _ = try await joined.janus.request("trickle")
        var trickled: [JSON] = []
        while trickled.last?["completed"] != true {
            trickled = joined.janus.seen.filter { $0.janus == "trickle" }.compactMap { $0.json["candidate"] }
            try await aMoment()
        }
        // Those known at once are in the offer.
        #expect(publish.json["jsep"]?["sdp"]?.string?.contains("a=candidate:") == true)
        try await joined.session.setMuted(true, track: .audio)
        let mute = try #require(joined.janus.seen.last { $0.request == "configure" }?.json["body"])
        #expect(mute["streams"]?.array == [["mid": "0", "send": false]])
        #expect(mute["display"] == "Ada <ada/a1 muted=audio>")
        try await joined.session.unpublish(.audio)
        #expect(joined.janus.count("configure") == 2)
        await joined.end()
    }

    @Test("an answer counts whether its acknowledgement comes before it, after it, twice or never", arguments: 0..<4)
    func acknowledgements(order: Int) async throws {
        let joined = try await Self.join { request in
            guard request.request == "join" else { return nil }
            let answer = request.event(
                ["videoroom": "joined", "id": request.json["body"]?["id"] ?? 0, "publishers": [Self.bob]])
            return [
                [request.ack, answer], [answer, request.ack], [request.ack, request.ack, answer], [answer],
            ][order]
        }
        #expect(joined.session.info.participants.map(\.user.name) == ["Ada", "Bob"])
        await joined.end()
    }

    @Test("who is there is subscribed to, and who comes later by an update; who leaves is told")
    func subscribes() async throws {
        let joined = try await Self.join { request in
            guard request.request == "join", request.json["body"]?["ptype"] == "publisher" else { return nil }
            return [
                request.ack,
                request.event(
                    ["videoroom": "joined", "id": request.json["body"]?["id"] ?? 0, "publishers": [Self.bob]]),
            ]
        }
        let start = try await joined.janus.request("start")
        let first = try #require(joined.janus.seen.last { $0.json["body"]?["ptype"] == "subscriber" })
        #expect(first.handle != joined.handle && first.json["body"]?["streams"]?.array == [["feed": 77, "mid": "0"]])
        #expect(start.handle == first.handle && start.json["jsep"]?["type"] == "answer")
        try await joined.janus.tellEvent(
            joined.handle, ["publishers": [["id": 78, "display": "Cy", "streams": [["type": "audio", "mid": "4"]]]]])
        let joinedEvent = await joined.event { if case .participantJoined = $0 { true } else { false } }
        guard case .participantJoined(let cy)? = joinedEvent else {
            Issue.record("nobody came")
            return
        }
        #expect(cy.user.name == "Cy")
        let update = try await joined.janus.request("update")
        #expect(update.json["body"]?["subscribe"]?.array == [["feed": 78, "mid": "4"]])
        try await joined.janus.tellEvent(joined.handle, ["leaving": 78])
        #expect(await joined.event { $0 == .participantLeft(cy.id) } != nil)
        await joined.end()
    }

    @Test(
        "a room that is not there is made, with its secret and pin, and joined; one that was made meanwhile is joined")
    func makesRooms() async throws {
        for isThere in [false, true] {
            let options = Self.options {
                $0.roomSecret = "s"
                $0.pin = "p"
                $0.adminKey = "k"
            }
            let tries = Counter()
            let joined = try await Self.join(options) { request in
                switch request.request {
                case "join" where tries.next() == 1: [request.ack, request.failure(426, "No such room (1001)")]
                case "create" where isThere: [request.failure(427, "Room 1001 already exists")]
                default: nil
                }
            }
            let create = try #require(joined.janus.seen.first { $0.request == "create" }?.json["body"])
            #expect(create["room"] == 1001 && create["secret"] == "s" && create["pin"] == "p")
            #expect(create["admin_key"] == "k" && create["videocodec"] == "vp8" && create["permanent"] == false)
            #expect(joined.janus.count("join") == 2)
            await joined.end()
        }
    }

    @Test("a server that names rooms by strings is asked by strings from then on")
    func stringIDs() async throws {
        let joined = try await Self.join { request in
            guard case .integer? = request.json["body"]?["room"] else { return nil }
            return [request.failure(430, "Invalid element type (room should be a string)")]
        }
        let rooms = joined.janus.seen.compactMap { $0.json["body"]?["room"] }
        #expect(rooms == [1001, "1001"])
        _ = try await joined.service.get(Self.call)
        #expect(joined.janus.seen.last?.json["body"]?["room"] == "1001")
        await joined.end()
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var request: String
        /// Whether Janus itself refuses, not its plugin.
        var byServer = false
        var code: Int64
        var reason = "because"
        var told: ServiceError.Code
        var hasAdvice = true
        var testDescription: String { "\(code) of \(request)" }
    }

    @Test(
        "a refused join is a typed error, with Janus' reason and a way out where there is one",
        arguments: [
            Refusal(request: "create", byServer: true, code: 403, told: .unauthorized),
            Refusal(request: "attach", byServer: true, code: 405, told: .unauthorized),
            Refusal(request: "create", byServer: true, code: 470, told: .unauthorized),
            Refusal(request: "create", byServer: true, code: 472, told: .full),
            Refusal(request: "attach", byServer: true, code: 460, told: .unsupported),
            Refusal(request: "attach", byServer: true, code: 490, told: .refused, hasAdvice: false),
            Refusal(request: "join", code: 433, told: .unauthorized),
            Refusal(request: "join", code: 429, reason: "Missing mandatory element (pin)", told: .unauthorized),
            Refusal(request: "join", code: 432, told: .full),
            Refusal(request: "join", code: 436, told: .sessionEnded),
            Refusal(request: "join", code: 429, told: .invalidArgument, hasAdvice: false),
            Refusal(request: "join", code: 499, told: .refused, hasAdvice: false),
        ])
    func refusals(refusal: Refusal) async throws {
        let error = await #expect(throws: ServiceError.self) {
            _ = try await Self.join { request in
                guard request.description == refusal.request else { return nil }
                return [
                    refusal.byServer
                        ? request.error(refusal.code, refusal.reason) : request.failure(refusal.code, refusal.reason)
                ]
            }
        }
        #expect(error?.code == refusal.told && error?.reason == "Janus: \(refusal.reason) (\(refusal.code))")
        #expect((error?.advice != nil) == refusal.hasAdvice)
    }

    @Test("a call that is not there is not found; destroying asks with the secret")
    func calls() async throws {
        let janus = try await ScriptedJanus { request in
            request.request == "listparticipants" ? [request.failure(426, "No such room (9)")] : nil
        }
        let service = try JanusService(url: janus.url, options: Self.options { $0.roomSecret = "s" })
        let error = await #expect(throws: ServiceError.self) { _ = try await service.get(CallID(id: "9")) }
        #expect(error?.code == .notFound)
        try await service.end(CallID(id: "9"))
        let destroy = try #require(janus.seen.last { $0.json["body"]?["request"] == "destroy" })
        #expect(destroy.json["body"]?["secret"] == "s")
        await janus.stop()
    }

    @Test("what happens to a session is told as what it is")
    func news() async throws {
        typealias News = (tell: (Joined) async throws -> Void, told: SessionEvent)
        let all: [News] = [
            (
                { try await $0.janus.tellEvent($0.handle, ["leaving": "ok", "reason": "kicked"]) },
                .ended(reason: "removed from the room: kicked")
            ),
            (
                { try await $0.janus.tellEvent($0.handle, ["videoroom": "destroyed", "room": 1001]) },
                .ended(reason: "the call was ended")
            ),
            (
                { try await $0.janus.tell($0.handle, "slowlink", ["uplink": true, "lost": 12]) },
                .slowLink(isUplink: true, lostPackets: 12)
            ),
            (
                { try await $0.janus.tell($0.handle, "slowlink", ["uplink": false, "lost": 3]) },
                .slowLink(isUplink: false, lostPackets: 3)
            ),
            (
                { try await $0.janus.tell($0.handle, "detached") },
                .connectionLost(reason: "the server has let the handle go")
            ),
            (
                { try await $0.janus.tell($0.handle, "timeout") },
                .connectionLost(reason: "the server cannot be reached: the server has forgotten the session")
            ),
        ]
        for news in all {
            let joined = try await Self.join()
            // Of no meaning, and of no harm.
            for name in ["webrtcup", "media", "hangup", "something new"] {
                try await joined.janus.tell(joined.handle, name, ["reason": "DTLS alert"])
            }
            try await news.tell(joined)
            #expect(await joined.event { _ in true } == news.told)
            await joined.end()
        }
    }

    @Test("a server that goes down is a lost connection, told once; a fast reconnect claims the session and goes on")
    func reconnects() async throws {
        let joined = try await Self.join()
        try await joined.janus.closeConnections()
        let lost = await joined.event { _ in true }
        guard case .connectionLost(let reason)? = lost else {
            Issue.record("\(String(describing: lost))")
            return
        }
        #expect(reason.contains("cannot be reached"))
        let again = try await joined.service.join(Self.request("a1", .fastReconnect)) { _, _ in }
        #expect(joined.janus.connections == 2 && joined.janus.count("claim") == 1 && joined.janus.count("create") == 1)
        #expect(joined.janus.count("join") == 1)
        try await again.publish(Self.microphone)
        #expect(joined.janus.seen.last { $0.request == "publish" }?.handle == joined.handle)
        await again.close()
        await joined.end()
    }

    @Test("where the server has forgotten the session, a fast reconnect says so, and a rejoin makes another")
    func forgotten() async throws {
        let joined = try await Self.join { $0.janus == "claim" ? [$0.error(458, "No such session")] : nil }
        try await joined.janus.closeConnections()
        _ = await joined.event { _ in true }
        let error = await #expect(throws: ServiceError.self) {
            _ = try await joined.service.join(Self.request("a1", .fastReconnect)) { _, _ in }
        }
        #expect(error?.code == .sessionLost && error?.advice != nil)
        let again = try await joined.service.join(Self.request("a2", .rejoin)) { _, _ in }
        #expect(joined.janus.count("create") == 2)
        await again.close()
        await joined.end()
    }

    @Test("a session is kept alive every 20 s; a keepalive without an answer is a lost connection")
    func keepalive() async throws {
        let clock = ManualClock()
        var options = Self.options()
        options.requestTimeout = .seconds(1)
        let joined = try await Self.join(options, clock: clock)
        for count in 1...3 {
            try await clock.waitForSleepers(1)
            clock.advance(by: .seconds(20))
            while joined.janus.count("keepalive") < count { try await aMoment() }
        }
        joined.janus.rule { $0.janus == "keepalive" ? [] : nil }
        try await clock.waitForSleepers(1)
        clock.advance(by: .seconds(20))
        let lost = await joined.event { _ in true }
        guard case .connectionLost(let reason)? = lost else {
            Issue.record("\(String(describing: lost))")
            return
        }
        #expect(reason.contains("keepalive"))
        await joined.end()
    }

    @Test("what is not answered in time is told; an answer that comes later is nobody's")
    func lateAnswers() async throws {
        let options = Self.options { $0.requestTimeout = .seconds(1) }
        let joined = try await Self.join(options)
        joined.janus.rule { $0.janus == "message" ? [$0.ack] : nil }
        let error = await #expect(throws: ServiceError.self) { try await joined.session.publish(Self.microphone) }
        #expect(error?.code == .timedOut)
        let late = try #require(joined.janus.seen.last { $0.request == "publish" })
        try await joined.janus.tell(late.event(["configured": "ok"]))
        joined.janus.rule(nil)
        _ = try await joined.service.get(Self.call)
        await joined.end()
    }

    @Test(
        "leaving tells the server, lets both handles go, and hears nothing any more; the connection lingers")
    func leaves() async throws {
        let joined = try await Self.join()
        try await joined.session.leave()
        #expect(joined.janus.seen.last?.request == "leave")
        // The server hangs up: no loss. And what it says late is heard by nobody.
        try await joined.janus.tell(joined.handle, "hangup", ["reason": "Close PC"])
        try await joined.janus.tell(joined.handle, "detached")
        await joined.session.close()
        try await joined.janus.tellEvent(joined.handle, ["publishers": [Self.bob]])
        #expect(await joined.event { _ in true } == nil)
        while joined.janus.count("detach") < 2 { try await aMoment() }
        // Within the time that it lingers: the same connection and session.
        let again = try await joined.service.join(Self.request("a2")) { _, _ in }
        #expect(joined.janus.connections == 1 && joined.janus.count("create") == 1)
        await again.close()
        await joined.janus.stop()
    }

    private static func isSubscription(_ request: ScriptedJanus.Request) -> Bool {
        request.request == "join" && request.json["body"]?["ptype"] == "subscriber"
    }

    private static func isJoin(_ request: ScriptedJanus.Request) -> Bool {
        request.request == "join" && request.json["body"]?["ptype"] == "publisher"
    }

    /// Who is in the room, as it answers a join.
    private static func room(_ people: JSON..., answers request: ScriptedJanus.Request) -> JSON {
        request.event(
            [
                "videoroom": "joined", "id": request.json["body"]?["id"] ?? 0, "private_id": 7,
                "publishers": .array(people),
            ])
    }

    /// A session with Bob that was left; handles are attached for the next.
    private static func wasThere() async throws -> Joined {
        let joined = try await join { isJoin($0) ? [$0.ack, room(bob, answers: $0)] : nil }
        _ = try await joined.janus.request("start")
        try await joined.session.leave()
        await joined.session.close()
        while joined.janus.count("attach") < 4 { try await aMoment() }
        return joined
    }

    @Test("who comes back finds handles attached, and has asked for what there was before the join is answered")
    func comesBack() async throws {
        let joined = try await Self.wasThere()
        let janus = joined.janus
        // The join's answer waits.
        janus.rule { Self.isJoin($0) ? [$0.ack] : nil }
        let joining = Task { try await joined.service.join(Self.request("a2")) { _, _ in } }
        while janus.count("start") < 2 { try await aMoment() }
        let asked = try #require(janus.seen.last(where: Self.isSubscription))
        #expect(asked.json["body"]?["streams"]?.array == [["feed": 77, "mid": "0"]])
        let join = try #require(janus.seen.last(where: Self.isJoin))
        try await janus.tell(Self.room(Self.bob, answers: join))
        let again = try await joining.value
        #expect(again.info.participants.map(\.user.name) == ["Ada", "Bob"])
        #expect(janus.count("attach") == 4 && janus.seen.count(where: Self.isSubscription) == 2)
        await again.close()
        await janus.stop()
    }

    @Test("who was there and is gone when one comes back is not waited for: what there is now is received")
    func comesBackToOthers() async throws {
        let joined = try await Self.wasThere()
        let janus = joined.janus
        let cy: JSON = ["id": 78, "display": "Cy", "streams": [["type": "audio", "mid": "4", "codec": "opus"]]]
        janus.rule { request in
            if Self.isJoin(request) { return [request.ack, Self.room(cy, answers: request)] }
            let isForBob = request.json["body"]?["streams"]?.array == [["feed": 77, "mid": "0"]]
            return isForBob ? [request.ack, request.failure(428, "No such feed (77)")] : nil
        }
        let again = try await joined.service.join(Self.request("a2")) { _, _ in }
        while janus.count("start") < 2 { try await aMoment() }
        let asked = janus.seen.filter(Self.isSubscription).suffix(2)
        #expect(
            asked.map { $0.json["body"]?["streams"]?.array } == [
                [["feed": 77, "mid": "0"]], [["feed": 78, "mid": "4"]],
            ])
        #expect(asked.first?.handle == asked.last?.handle)
        #expect(asked.last?.json["body"]?["private_id"] == 7)
        await again.close()
        await janus.stop()
    }

    @Test("a join that is cancelled while the server thinks ends at once and leaves no handle behind")
    func cancelled() async throws {
        let janus = try await ScriptedJanus { $0.request == "join" ? [$0.ack] : nil }
        let service = try JanusService(url: janus.url)
        let joining = Task { try await service.join(Self.request("a1")) { _, _ in } }
        let join = try await janus.request("join")
        joining.cancel()
        await #expect(throws: CancellationError.self) { _ = try await joining.value }
        while janus.count("detach") < 2 { try await aMoment() }
        // The late answer resurrects nothing.
        try await janus.tell(join.event(["videoroom": "joined", "id": 5, "publishers": [Self.bob]]))
        _ = try await service.get(Self.call)
        #expect(janus.count("join") == 1)
        await janus.stop()
    }
}

private final class Counter: Sendable {
    private let count = Mutex(0)
    func next() -> Int {
        count.withLock { count in
            count += 1
            return count
        }
    }
}
