public import Media

/// What a receiver keeps of one stream: whether a packet belongs to it, how many were lost, how unevenly they come.
///
/// Source: RFC 3550 appendix A.1 (validity), A.3 (loss), A.8 (jitter).
public struct RTPReceiver: Sendable {
    /// What a packet is to the stream.
    public enum Verdict: Sendable, Hashable {
        case accepted
        /// The stream began anew (its sequence jumped and went on from there): forget what came before.
        case restarted
        /// Too far from the stream for one packet to be believed, or not yet proven to be a stream: drop it.
        case rejected
    }

    public let clockRate: Int32
    /// Packets accepted, duplicates included, since the stream began.
    public private(set) var received: Int64 = 0
    /// The interarrival jitter (RFC 3550 §6.4.1).
    public var jitter: MediaTime { MediaTime(ticks: scaledJitter >> 4, rate: clockRate) }

    private let minimumSequential: Int
    private var probation: Int
    private var hasBegun = false
    private var base: Int64 = 0
    private var highest: Int64 = 0
    /// Where the stream goes on if the packet that jumped was no stray.
    private var jumped: SequenceNumber?
    private var lastTransit: Int64?
    private var scaledJitter: Int64 = 0  // times 16: A.8's integer form
    private var expectedAtReport: Int64 = 0
    private var receivedAtReport: Int64 = 0

    /// - `minimumSequential`: packets in sequence before a stream is believed; 0 where signalling named the stream.
    public init(clockRate: Int32, minimumSequential: Int = 0) {
        precondition(clockRate > 0, "a media clock has a positive rate")
        self.clockRate = clockRate
        self.minimumSequential = minimumSequential
        probation = minimumSequential
    }

    /// Packets that the sender has numbered, as far as is seen.
    public var expected: Int64 { hasBegun ? highest - base + 1 : 0 }

    /// Packets lost; negative when duplicates outnumber them.
    public var lost: Int64 { expected - received }

    /// The highest sequence number, with the wraps in the upper half, as receiver reports say it.
    public var extendedHighest: UInt32 { UInt32(truncatingIfNeeded: highest) }

    /// Takes note of a packet.
    /// - `now`: when it arrived.
    public mutating func receive(
        _ sequenceNumber: SequenceNumber, _ timestamp: RTPTimestamp, at now: MonotonicInstant
    ) -> Verdict {
        let verdict = accept(sequenceNumber)
        if verdict != .rejected {
            received += 1
            measure(timestamp, at: now)
        }
        return verdict
    }

    /// The share of packets lost since the last report, in 1/256 (RFC 3550 A.3); begins a new interval.
    public mutating func takeFractionLost() -> UInt8 {
        let expectedNow = expected - expectedAtReport
        let lostNow = expectedNow - (received - receivedAtReport)
        expectedAtReport = expected
        receivedAtReport = received
        guard expectedNow > 0, lostNow > 0 else { return 0 }
        return UInt8(min(255, lostNow * 256 / expectedNow))
    }

    private mutating func accept(_ number: SequenceNumber) -> Verdict {
        guard hasBegun else {
            begin(at: number)
            probation = max(0, minimumSequential - 1)
            return probation == 0 ? .accepted : .rejected
        }
        let step = SequenceNumber(rawValue: UInt16(truncatingIfNeeded: highest)).distance(to: number)
        if probation > 0 { return prove(number, step: step) }
        if (0..<Self.maximumDropout).contains(step) {
            highest += Int64(step)
        } else if step >= 0 || step < -Self.maximumMisorder {
            guard number == jumped else {
                jumped = number + 1
                return .rejected
            }
            begin(at: number)
            return .restarted
        }
        return .accepted
    }

    private mutating func prove(_ number: SequenceNumber, step: Int) -> Verdict {
        guard step == 1 else {
            begin(at: number)
            probation = minimumSequential - 1
            return .rejected
        }
        highest += 1
        probation -= 1
        guard probation == 0 else { return .rejected }
        begin(at: number)
        return .accepted
    }

    private mutating func begin(at number: SequenceNumber) {
        hasBegun = true
        base = Int64(number.rawValue)
        highest = base
        received = 0
        jumped = nil
        lastTransit = nil
        expectedAtReport = 0
        receivedAtReport = 0
    }

    private mutating func measure(_ timestamp: RTPTimestamp, at now: MonotonicInstant) {
        // In two parts: nanoseconds times the rate would overflow after days.
        let (seconds, nanoseconds) = now.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let arrival = seconds &* Int64(clockRate) &+ nanoseconds * Int64(clockRate) / 1_000_000_000
        let transit = arrival &- Int64(timestamp.rawValue)
        if let lastTransit {
            // 32 bits: the timestamp may have wrapped in between.
            let difference = Int64(Int32(truncatingIfNeeded: transit &- lastTransit)).magnitude
            scaledJitter += Int64(difference) - ((scaledJitter + 8) >> 4)
        }
        lastTransit = transit
    }

    private static let maximumDropout = 3000
    private static let maximumMisorder = 100
}
