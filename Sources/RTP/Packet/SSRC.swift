/// A synchronization source: the name of one stream of packets in a session (RFC 3550 §3).
public struct SSRC: RawRepresentable, Sendable, Hashable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    public var rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public init(integerLiteral value: UInt32) { rawValue = value }

    public var description: String { "\(rawValue)" }
}
