/// An RTP sequence number: 16 bits that wrap (RFC 3550 §5.1).
///
/// Not `Comparable`: an order that wraps is not transitive. Compare two that are near each other with
/// ``distance(to:)``.
public struct SequenceNumber: RawRepresentable, Sendable, Hashable, ExpressibleByIntegerLiteral {
    public var rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }
    public init(integerLiteral value: UInt16) { rawValue = value }

    /// How far another number is ahead, −32,768…32,767: the shorter way round.
    public func distance(to other: Self) -> Int { Int(Int16(truncatingIfNeeded: Int(other.rawValue) - Int(rawValue))) }

    public func isNewer(than other: Self) -> Bool { other.distance(to: self) > 0 }

    public static func + (a: Self, count: Int) -> Self {
        Self(rawValue: UInt16(truncatingIfNeeded: Int(a.rawValue) &+ count))
    }
}

/// Turns sequence numbers into a count that does not wrap (RFC 3711 §3.3.1 numbers packets so).
public struct SequenceExtender: Sendable {
    /// The highest count so far; nil before the first.
    public private(set) var highest: Int64?

    public init() {}

    /// The count of a number, without remembering it: the one nearest the highest so far.
    public func extended(_ number: SequenceNumber) -> Int64 {
        guard let highest else { return Int64(number.rawValue) }
        return highest + Int64(SequenceNumber(rawValue: UInt16(truncatingIfNeeded: highest)).distance(to: number))
    }

    /// The count of a number, remembered when it is the highest.
    public mutating func extend(_ number: SequenceNumber) -> Int64 {
        let count = extended(number)
        highest = max(highest ?? count, count)
        return count
    }
}
