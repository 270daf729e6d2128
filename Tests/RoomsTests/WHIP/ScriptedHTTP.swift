import Synchronization
import WebRTC

@testable import Rooms

/// An HTTP server that a test plays, with a WHIP or WHEP endpoint's answers where the test says nothing else.
final class ScriptedHTTP: Sendable {
    struct Request: Sendable, CustomStringConvertible {
        var method: String
        var path: String
        var head: [String]
        var body: String

        subscript(name: String) -> String { header(name, in: head) }
        var description: String { "\(method) \(path)" }
    }

    struct Answer: Sendable {
        var status: Int
        var headers: [(String, String)] = []
        var body = ""
    }

    /// Answers in a test's way; nil: as a server does that takes everything.
    typealias Rule = @Sendable (Request) -> Answer?

    private struct State {
        var rule: Rule?
        var seen: [Request] = []
        var peers: [PeerConnection] = []
    }

    private let state = Mutex(State())
    private let server = Mutex<LoopbackServer?>(nil)

    init(_ rule: Rule? = nil) async throws {
        state.withLock { $0.rule = rule }
        let server = try await LoopbackServer { [weak self] connection in
            while let self {
                let head = try await connection.readHead()
                let words = (head.first ?? "").split(separator: " ").map(String.init)
                let body = try await connection.read(Int(header("Content-Length", in: head)) ?? 0)
                guard words.count == 3 else { return }
                let request = Request(
                    method: words[0], path: words[1], head: head, body: String(decoding: body, as: UTF8.self))
                let answer = self.answer(to: request)
                let headers = answer.headers.map { "\($0): \($1)\r\n" }.joined()
                let length = answer.status == 204 ? "" : "Content-Length: \(answer.body.utf8.count)\r\n"
                try await connection.write("HTTP/1.1 \(answer.status) So\r\n\(headers)\(length)\r\n\(answer.body)")
            }
        }
        self.server.withLock { $0 = server }
    }

    var port: Int { server.withLock { $0?.port ?? 0 } }
    var url: String { "http://127.0.0.1:\(port)/stage" }
    var seen: [Request] { state.withLock { $0.seen } }
    func seen(_ method: String) -> [Request] { seen.filter { $0.method == method } }
    func rule(_ rule: Rule?) { state.withLock { $0.rule = rule } }

    func stop() async {
        await server.withLock { $0 }?.stop()
        for peer in state.withLock({ $0.peers }) { await peer.close() }
    }

    private func answer(to request: Request) -> Answer {
        let rule = state.withLock { state in
            state.seen.append(request)
            return state.rule
        }
        if let answer = rule?(request) { return answer }
        guard request.method == "POST" else { return Answer(status: request.method == "PATCH" ? 204 : 200) }
        return Answer(
            status: 201,
            headers: [("Location", "/sessions/1"), ("ETag", "\"first\""), ("Content-Type", "application/sdp")],
            body: sdp(answering: request.body))
    }

    /// A real answer, of a peer that neither learns a candidate nor tells one: no path comes to be.
    func sdp(answering offer: String) -> String {
        let peer = try? PeerConnection(PeerConnectionConfiguration(loop: SharedNetworkLoop.loop)) { _ in
        } onPacket: { _, _ in
        }
        guard let peer, (try? peer.acceptOffer(withoutCandidates(offer))) != nil else { return "" }
        state.withLock { $0.peers.append(peer) }
        return withoutCandidates((try? peer.makeAnswer()) ?? "")
    }

    private func withoutCandidates(_ description: String) -> String {
        description.split(separator: "\r\n").filter { !$0.hasPrefix("a=candidate:") }.map { $0 + "\r\n" }.joined()
    }
}
