/// Why a connection cannot do what was asked, or has failed.
public struct PeerConnectionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. New codes may be added: switch with a `default`.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private let name: String
        public var description: String { name }

        /// The connection was closed.
        public static let closed = Code(name: "closed")
        /// An answer without an offer, a second offer before the answer (RFC 8829 §3.2).
        public static let wrongState = Code(name: "wrongState")
        /// A description that cannot be read, or that asks for what is not spoken here (no BUNDLE, no rtcp-mux, no DTLS).
        public static let badDescription = Code(name: "badDescription")
        /// A candidate that cannot be read.
        public static let badCandidate = Code(name: "badCandidate")
        /// No m-line has this mid.
        public static let unknownMid = Code(name: "unknownMid")
        /// No candidate pair works, or none does any more (RFC 8445 §6.1.2.6, RFC 7675).
        public static let noPath = Code(name: "noPath")
        /// The far side's certificate is not the one its description names (RFC 8122 §6.2).
        public static let wrongFingerprint = Code(name: "wrongFingerprint")
        /// The DTLS handshake failed, or the far side ended it.
        public static let handshakeFailed = Code(name: "handshakeFailed")
        /// The far side closed the connection (DTLS close_notify).
        public static let closedByPeer = Code(name: "closedByPeer")
        /// The kernel has no more sockets, or refuses them.
        public static let socketFailed = Code(name: "socketFailed")
    }

    public var code: Code
    /// What is wrong, with the section that says so or the system's words.
    public var reason: String

    public init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    public var description: String { "peer connection: \(reason)" }
}
