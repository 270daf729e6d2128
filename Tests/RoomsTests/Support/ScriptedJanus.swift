import NIOCore
import RTP
import Synchronization
import TestSupport
import WebRTC

@testable import Rooms

/// A Janus server that a test plays: it answers as Janus 1.1.2 does where the test says nothing else, and tells what a
/// test wants told.
final class ScriptedJanus: Sendable {
    /// What a client asked.
    struct Request: Sendable, CustomStringConvertible {
        var json: JSON
        var janus: String { json["janus"]?.string ?? "" }
        var transaction: String { json["transaction"]?.string ?? "" }
        var handle: Int64? { json["handle_id"]?.integer }
        /// Of the VideoRoom plugin.
        var request: String? { json["body"]?["request"]?.string }
        var description: String { request ?? janus }

        /// The plugin's answer to it.
        func event(_ data: JSON, jsep: JSON? = nil) -> JSON {
            var data = data
            if data["videoroom"] == nil { data.set("videoroom", "event") }
            var json: JSON = [
                "janus": "event", "transaction": .string(transaction), "sender": .integer(handle ?? 0),
                "plugindata": ["plugin": "janus.plugin.videoroom", "data": data],
            ]
            json.set("jsep", jsep)
            return json
        }

        func success(_ id: Int64? = nil) -> JSON {
            var json: JSON = ["janus": "success", "transaction": .string(transaction)]
            json.set("data", id.map { ["id": .integer($0)] })
            return json
        }

        var ack: JSON { ["janus": "ack", "transaction": .string(transaction)] }

        func error(_ code: Int64, _ reason: String) -> JSON {
            [
                "janus": "error", "transaction": .string(transaction),
                "error": ["code": .integer(code), "reason": .string(reason)],
            ]
        }

        func failure(_ code: Int64, _ reason: String) -> JSON {
            event(["error_code": .integer(code), "error": .string(reason)])
        }
    }

    /// Answers in a test's way; nil: as Janus does.
    typealias Rule = @Sendable (Request) -> [JSON]?

    private struct State {
        var rule: Rule?
        var seen: [Request] = []
        var answered: [Request] = []
        var writers: [Int: NIOAsyncChannelOutboundWriter<ByteBuffer>] = [:]
        var connections = 0
        var nextID: Int64 = 100
        var peers: [PeerConnection] = []
        /// The peers that a handle's offers were made by.
        var senders: [Int64: PeerConnection] = [:]
    }

    private let state = Mutex(State())
    private let server = Mutex<LoopbackServer?>(nil)

    init(_ rule: Rule? = nil) async throws {
        state.withLock { $0.rule = rule }
        let server = try await LoopbackServer { [weak self] connection in
            guard let self else { return }
            let head = try await connection.readHead()
            try await connection.write(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Protocol: janus-protocol\r\n"
                    + "Sec-WebSocket-Accept: \(acceptKey(for: header("Sec-WebSocket-Key", in: head)))\r\n\r\n")
            let number = self.state.withLock { state in
                state.connections += 1
                state.writers[state.connections] = connection.writer
                return state.connections
            }
            defer { self.state.withLock { _ = $0.writers.removeValue(forKey: number) } }
            while true {
                let frame = try await connection.readFrame()
                guard frame.opcode == TestFrame.Opcode.text.rawValue else { return }
                let request = Request(json: try JSON(parsing: frame.text))
                self.state.withLock { $0.seen.append(request) }
                // Also where the client does not wait for the answer.
                defer { self.state.withLock { $0.answered.append(request) } }
                for answer in self.answers(to: request) { try await connection.write(TestFrame(answer.text).bytes) }
            }
        }
        self.server.withLock { $0 = server }
    }

    var url: String { "ws://127.0.0.1:\(server.withLock { $0?.port ?? 0 })" }
    var connections: Int { state.withLock { $0.connections } }
    var seen: [Request] { state.withLock { $0.seen } }

    /// How many requests of this name there were: the plugin's, or else Janus' own.
    func count(_ name: String) -> Int { seen.filter { $0.description == name }.count }

    func rule(_ rule: Rule?) { state.withLock { $0.rule = rule } }

    /// The first request of this name, when it has been answered.
    func request(_ name: String) async throws -> Request {
        while true {
            if let found = state.withLock({ $0.answered.first { $0.description == name } }) { return found }
            try await aMoment()
        }
    }

    /// Tells something unasked, to every client.
    func tell(_ json: JSON) async throws {
        for writer in state.withLock({ Array($0.writers.values) }) {
            try await writer.write(ByteBuffer(bytes: TestFrame(json.text).bytes))
        }
    }

    /// Tells something of a handle.
    func tell(_ handle: Int64?, _ name: String, _ members: JSON = [:]) async throws {
        var json = members
        json.set("janus", .string(name))
        json.set("sender", .integer(handle ?? 0))
        try await tell(json)
    }

    /// Tells what the plugin says of a handle.
    func tellEvent(_ handle: Int64?, _ data: JSON) async throws {
        var data = data
        if data["videoroom"] == nil { data.set("videoroom", "event") }
        try await tell(handle, "event", ["plugindata": ["plugin": "janus.plugin.videoroom", "data": data]])
    }

    /// What sends to a subscriber's handle.
    func sender(to handle: Int64) -> PeerConnection? { state.withLock { $0.senders[handle] } }

    /// Ends the connections as a server does that goes down.
    func closeConnections() async throws {
        for writer in state.withLock({ Array($0.writers.values) }) {
            try await writer.write(ByteBuffer(bytes: TestFrame(.close, [3, 233]).bytes))
            writer.finish()
        }
    }

    func stop() async {
        await server.withLock { $0 }?.stop()
        for peer in state.withLock({ $0.peers }) { await peer.close() }
    }

    private func answers(to request: Request) -> [JSON] {
        if let answers = state.withLock({ $0.rule })?(request) { return answers }
        switch request.janus {
        case "create", "attach": return [request.success(newID())]
        case "message": return [request.ack, answer(to: request)]
        case "trickle":
            if let line = request.json["candidate"]?["candidate"]?.string {
                try? request.handle.flatMap(sender)?.addCandidate(line)
            }
            return [request.ack]
        case "keepalive": return [request.ack]
        default: return [request.success()]
        }
    }

    private func newID() -> Int64 {
        state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
    }

    private func answer(to request: Request) -> JSON {
        let body = request.json["body"] ?? [:]
        let jsep = request.json["jsep"]?["sdp"]?.string
        switch request.request {
        case "join" where body["ptype"] == "publisher":
            return request.event(["videoroom": "joined", "id": body["id"] ?? 0, "private_id": 7, "publishers": []])
        case "update": return request.event(["videoroom": "updated"])
        case "join":
            let streams = body["streams"] ?? []
            return request.event(
                [
                    "videoroom": "attached",
                    "streams": .array(
                        streams.array.enumerated().map { index, stream in
                            [
                                "type": "audio", "mid": .string("\(index)"), "active": true,
                                "feed_id": stream["feed"] ?? .null, "feed_mid": stream["mid"] ?? .null,
                            ]
                        }),
                ], jsep: offer(of: streams.array.count, to: request.handle ?? 0))
        case "publish": return request.event(["configured": "ok"], jsep: jsep.flatMap(answer))
        case "configure": return request.event(["configured": "ok"], jsep: jsep.flatMap(answer))
        case "start":
            if let jsep { _ = try? request.handle.flatMap(sender)?.acceptAnswer(jsep) }
            return request.event(["started": "ok"])
        case "pause": return request.event(["paused": "ok"])
        case "leave": return request.event(["leaving": "ok"])
        case "listparticipants": return request.event(["videoroom": "participants", "participants": []])
        case "list": return request.event(["videoroom": "success", "list": []])
        case "create": return request.event(["videoroom": "created", "room": body["room"] ?? 0])
        case "destroy": return request.event(["videoroom": "destroyed", "room": body["room"] ?? 0])
        default: return request.event(["videoroom": "success"])
        }
    }

    // MARK: Real descriptions

    private func peer() -> PeerConnection? {
        var configuration = PeerConnectionConfiguration(loop: SharedNetworkLoop.loop)
        configuration.includesLoopback = true
        let peer = try? PeerConnection(configuration) { _ in
        } onPacket: { _, _ in
        }
        state.withLock { state in if let peer { state.peers.append(peer) } }
        return peer
    }

    private func answer(_ offer: String) -> JSON? {
        guard let peer = peer(), (try? peer.acceptOffer(offer)) != nil, let answer = try? peer.makeAnswer() else {
            return nil
        }
        return JanusDescription.json(type: "answer", sdp: answer)
    }

    private func offer(of tracks: Int, to handle: Int64) -> JSON? {
        guard let peer = peer() else { return nil }
        state.withLock { $0.senders[handle] = peer }
        for track in 0..<tracks {
            _ = peer.addTransceiver(.audio, .sendOnly, track: LocalTrack(streamID: "s\(track)", trackID: "audio"))
        }
        return (try? peer.makeOffer()).map { JanusDescription.json(type: "offer", sdp: $0) }
    }
}

extension ManualClock {
    /// Returns when so many sleep.
    func waitForSleepers(_ count: Int) async throws {
        while sleepers < count { try await aMoment() }
    }
}

/// Lets others go on, while something is waited for that nobody signals; a test that is over ends here.
func aMoment() async throws {
    try Task.checkCancellation()
    await Task.yield()
}
