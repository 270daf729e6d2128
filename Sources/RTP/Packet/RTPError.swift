/// Why bytes are not a packet, or a packet cannot be made.
public struct RTPError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. New codes may be added: switch with a `default`.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private let name: String
        public var description: String { name }

        /// The bytes end before what the header announces.
        public static let truncated = Code(name: "truncated")
        /// Not version 2: no RTP.
        public static let badVersion = Code(name: "badVersion")
        /// The padding count is zero or exceeds the payload.
        public static let badPadding = Code(name: "badPadding")
        /// A header extension whose elements overrun it, or one that cannot be written.
        public static let badExtension = Code(name: "badExtension")
        /// A value that its field has no room for.
        public static let badField = Code(name: "badField")
        /// The storage given is too small for the packet.
        public static let bufferTooSmall = Code(name: "bufferTooSmall")
        /// A payload that its format does not allow.
        public static let badPayload = Code(name: "badPayload")
    }

    public var code: Code
    /// What is wrong, with the section that says so.
    public var reason: String

    public init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    public var description: String { "RTP: \(reason)" }
}
