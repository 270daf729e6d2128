/// Why a line is no candidate, or an address of a server none.
public struct ICEError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. New codes may be added: switch with a `default`.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private let name: String
        public var description: String { name }

        /// Not a candidate line of RFC 8839 §5.1.
        public static let badCandidate = Code(name: "badCandidate")
        /// Not a `stun:`, `turn:` or `turns:` URI, or one without the credentials it needs.
        public static let badServer = Code(name: "badServer")
    }

    public var code: Code
    public var reason: String

    init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    public var description: String { "ICE: \(reason)" }
}
