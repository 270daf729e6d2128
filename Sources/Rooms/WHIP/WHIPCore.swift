internal import Foundation
internal import RTP
internal import WebRTC
import Synchronization

/// What publishing and playing have in common.
final class WHIPCore: Sendable {
    private let endpoint: URL
    private let options: WHIPOptions
    private let publishes: Bool
    private let client: HTTPClient
    /// ICE servers that answers told of: they come too late for their own connection, and serve the next.
    private let learned = Mutex<[ICEServer]>([])
    private let connections = Mutex<[SessionID: WHIPConnection]>([:])

    init(_ url: String, _ options: WHIPOptions, publishes: Bool) throws(ServiceError) {
        guard let endpoint = URL(string: url), let scheme = endpoint.scheme?.lowercased(),
            scheme == "http" || scheme == "https", endpoint.host() != nil
        else {
            throw ServiceError(
                .invalidArgument, operation: "use \(url)", reason: "not an http: or https: URL",
                advice: "Write it as https://host/path.")
        }
        self.endpoint = endpoint
        self.options = options
        self.publishes = publishes
        client = HTTPClient(timeout: options.requestTimeout)
    }

    static func unsupported(_ operation: String) -> ServiceError {
        ServiceError(
            .unsupported, operation: operation, reason: "WHIP and WHEP have one stream, and no calls to manage")
    }

    func info(_ id: CallID) -> CallInfo {
        CallInfo(
            id: id, createdBy: User(id: "server", name: endpoint.host() ?? "server"),
            capabilities: publishes ? [.sendAudio, .sendVideo] : [])
    }

    /// Nothing is told: the stream only waits to be cancelled.
    func events() -> AsyncStream<CallEvent> { AsyncStream { _ in } }

    func join(
        _ request: JoinRequest, _ receive: @escaping @Sendable (TrackID, RTPPacket) -> Void
    ) async throws -> WHIPSession {
        try Task.checkCancellation()
        if request.kind == .fastReconnect {
            guard let connection = connections.withLock({ $0[request.sessionID] }) else {
                throw ServiceError(
                    .sessionLost, operation: "join \(request.call)",
                    reason: "session \(request.sessionID) is not known", advice: "Rejoin with a new session id.")
            }
            try await connection.restartICE()
            return connection.begin(info(request.call), receive: receive)
        }
        if let replaced = request.replaces, let old = connections.withLock({ $0[replaced] }) {
            try? await old.leave()
            await old.close()
        }
        let name = publishes ? "publish to \(endpoint.host() ?? "")" : "play from \(endpoint.host() ?? "")"
        let resource = WHIPResource(endpoint: endpoint, token: options.token, client: client, name: name)
        let servers = options.iceServers + learned.withLock { $0 }
        let connection = try WHIPConnection(request, resource, options, servers, publishes: publishes) { [weak self] in
            _ = self?.connections.withLock { $0.removeValue(forKey: request.sessionID) }
        }
        do {
            let told = try await connection.open()
            learned.withLock { $0 = told }
            try Task.checkCancellation()
        } catch {
            try? await connection.leave()
            await connection.close()
            throw error
        }
        connections.withLock { $0[request.sessionID] = connection }
        return connection.begin(info(request.call), receive: receive)
    }
}
