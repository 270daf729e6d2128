public import Media

/// An RTP timestamp: 32 bits of a media clock's ticks that wrap (RFC 3550 §5.1). The rate is the payload format's.
///
/// Not `Comparable`, as ``SequenceNumber`` is not.
public struct RTPTimestamp: RawRepresentable, Sendable, Hashable, ExpressibleByIntegerLiteral {
    public var rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public init(integerLiteral value: UInt32) { rawValue = value }

    /// How many ticks another timestamp is ahead, −2³¹…2³¹−1: the shorter way round.
    public func distance(to other: Self) -> Int {
        Int(Int32(truncatingIfNeeded: Int64(other.rawValue) - Int64(rawValue)))
    }

    /// The time from this timestamp to another, on a clock of `rate` ticks a second.
    public func time(to other: Self, rate: Int32) -> MediaTime {
        MediaTime(ticks: Int64(distance(to: other)), rate: rate)
    }

    public func isNewer(than other: Self) -> Bool { other.distance(to: self) > 0 }

    public static func + (a: Self, ticks: Int) -> Self {
        Self(rawValue: UInt32(truncatingIfNeeded: Int64(a.rawValue) &+ Int64(ticks)))
    }
}
