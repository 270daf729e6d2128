/// Why a WebSocket cannot be opened, or has ended.
struct WebSocketError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. New codes may be added: switch with a `default`.
    struct Code: Sendable, Hashable, CustomStringConvertible {
        private let name: String
        var description: String { name }

        /// No connection, or none in time: the network's or TLS's reason.
        static let unreachable = Code(name: "unreachable")
        /// The server answered, and not with a WebSocket.
        static let refused = Code(name: "refused")
        /// The far side closed, or the connection broke.
        static let closed = Code(name: "closed")
        /// The far side broke RFC 6455, or sent more than is allowed.
        static let badFrame = Code(name: "badFrame")
        static let invalidURL = Code(name: "invalidURL")
    }

    var code: Code
    var reason: String

    init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    var description: String { "WebSocket: \(reason)" }
}
