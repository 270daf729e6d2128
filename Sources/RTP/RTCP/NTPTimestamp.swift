/// Wall-clock time in sender reports: seconds since 1900 in 32.32 bits (RFC 3550 §4).
public struct NTPTimestamp: RawRepresentable, Sendable, Hashable {
    public var rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// - `nanoseconds`: since 1970; wraps in 2036, as the format does.
    public init(nanosecondsSince1970 nanoseconds: Int64) {
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let fraction = (UInt64(max(0, rest)) << 32) / 1_000_000_000
        rawValue = UInt64(bitPattern: seconds &+ Self.secondsTo1970) << 32 | fraction
    }

    /// The middle 32 bits, 16.16 seconds: what reports calculate the round trip with (RFC 3550 §6.4.1).
    public var middle: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 16) }

    private static let secondsTo1970: Int64 = 2_208_988_800
}
