import Foundation
import Testing

@testable import Rooms

/// Messages recorded from Janus 1.1.2: Tests/Fuzz/corpus/janus. Those of kicks, moderation and slow links are in the form
/// of its source.
@Suite("What Janus says")
struct JanusMessageTests {
    @Test("Every recorded message is read")
    func corpus() throws {
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path()) where file != "deep" {
            #expect(throws: Never.self) { _ = try message(file) }
        }
    }

    @Test("Who is there, and what they publish")
    func joined() throws {
        guard
            case .plugin(.joined(let id, let privateID, let publishers, _), nil) = try message(
                "event-joined-publishers"
            ).content
        else {
            Issue.record("not joined")
            return
        }
        #expect(id == .text("ada1") && privateID != nil && publishers.isEmpty)
        guard case .plugin(.publishers(let people), nil) = try message("event-event-publishers").content else {
            Issue.record("no publishers")
            return
        }
        #expect(people.map(\.id) == [.text("ada1")] && people[0].tracks.map(\.kind) == [.audio])
        #expect(people[0].name.user == User(id: "janus:ada1", name: "Ada"), "a stranger's ids are made up")
    }

    @Test("A subscriber's offer comes with what its m-lines carry")
    func attached() throws {
        guard case .plugin(.attached(let streams), let offer?) = try message("event-attached-offer").content else {
            Issue.record("not attached")
            return
        }
        #expect(streams.map(\.mid) == ["0", "1"] && streams.map(\.feed) == [.text("ada1"), .text("ada1")])
        #expect(offer.isOffer && offer.sdp.hasPrefix("v=0\r\n"))
    }

    @Test(
        "The server's other words",
        arguments: [
            ("webrtcup", .webRTCUp), ("hangup", .hangup(reason: "Close PC")), ("trickle-completed", .endOfCandidates),
            ("slowlink", .slowLink(isUplink: true, lost: 17)), ("timeout", .timeout), ("detached", .detached),
            ("ack", .ack), ("event-kicked", .plugin(.kicked(.text("ada1")), nil)),
            ("event-kicked-self", .plugin(.leaving(nil, reason: "kicked"), nil)),
            ("event-moderated", .plugin(.moderated(.text("ada1"), mid: "0", isMuted: true), nil)),
            ("event-updating", .plugin(.updating, nil)), ("event-destroyed", .plugin(.destroyed, nil)),
        ] as [(String, JanusMessage.Content)])
    func words(file: String, content: JanusMessage.Content) throws { #expect(try message(file).content == content) }

    @Test(
        "Errors are typed",
        arguments: [
            (403, ServiceError.Code.unauthorized), (426, .notFound), (432, .full), (433, .unauthorized),
            (436, .sessionEnded), (458, .sessionLost), (459, .sessionLost), (430, .invalidArgument), (499, .refused),
        ])
    func errors(code: Int, expected: ServiceError.Code) throws {
        let text = #"{"janus": "error", "error": {"code": \#(code), "reason": "why"}}"#
        guard case .error(let failure) = try JanusMessage(parsing: text).content else {
            Issue.record("no error")
            return
        }
        let error = failure.serviceError("join default:x")
        #expect(error.code == expected && error.reason == "Janus: why (\(code))")
    }

    @Test(
        "What is no message is refused",
        arguments: ["", "{", "[]", "{}", #"{"janus": 1}"#, #"{"janus": "ack"} x"#, String(repeating: "[", count: 200)])
    func refused(text: String) { #expect(throws: JSONError.self) { _ = try JanusMessage(parsing: text) } }

    private var folder: URL {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fuzz/corpus/janus")
    }

    private func message(_ file: String) throws -> JanusMessage {
        try JanusMessage(parsing: String(contentsOf: folder.appending(path: file), encoding: .utf8))
    }
}
