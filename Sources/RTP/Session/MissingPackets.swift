import Media

/// The packets of a stream that have not come, and when each is to be asked for (again).
///
/// The first request waits for as long as packets have been seen to overtake each other; the next ones for a round trip.
struct MissingPackets: Sendable {
    private struct Entry {
        var count: Int64
        var noticedAt: MonotonicInstant
        var dueAt: MonotonicInstant
        var requests = 0
        var requestedAt: MonotonicInstant?
    }

    /// How a packet that was missing came.
    enum Arrival: Sendable, Hashable {
        case notMissing
        /// On its own: others had overtaken it.
        case late
        case recovered
    }

    /// Not asked for any more after so long.
    let giveUpAge: Duration
    private var entries: [Entry] = []
    /// What packets overtake each other by.
    private var reorderWait = usualReorderWait
    /// From a request to what it asked for: the round trip as it is for repairs, known also to who only receives.
    private var answerTime: Duration?

    /// - `kind`: sound is of no use after a while.
    init(kind: RTPMediaKind) { giveUpAge = kind == .audio ? .milliseconds(200) : .seconds(1) }

    var isEmpty: Bool { entries.isEmpty }

    /// When ``takeDue(now:roundTrip:)`` has something.
    var deadline: MonotonicInstant? {
        var deadline: MonotonicInstant?
        for entry in entries where deadline.map({ entry.dueAt < $0 }) ?? true { deadline = entry.dueAt }
        return deadline
    }

    /// Notes what lies between the highest packet so far and a newer one.
    mutating func notice(_ gap: Range<Int64>, now: MonotonicInstant) {
        // After so much is lost, repair is up to a keyframe.
        guard gap.count <= Self.maximumCount else {
            entries.removeAll(keepingCapacity: true)
            return
        }
        let excess = entries.count + gap.count - Self.maximumCount
        if excess > 0 { entries.removeFirst(excess) }
        for count in gap { entries.append(Entry(count: count, noticedAt: now, dueAt: now + reorderWait)) }
    }

    /// Whether a packet is missing and has been asked for.
    func isRequested(_ count: Int64) -> Bool { entries.contains { $0.count == count && $0.requests > 0 } }

    /// Takes note that a packet has come.
    /// - `isRepair`: whether it came as a retransmission; nil where those look like any packet.
    mutating func remove(
        _ count: Int64, isRepair: Bool?, roundTrip: Duration, now: MonotonicInstant
    ) -> Arrival {
        guard let index = entries.firstIndex(where: { $0.count == count }) else { return .notMissing }
        let entry = entries.remove(at: index)
        if let requestedAt = entry.requestedAt {
            let answer = now - requestedAt
            // Sooner than an answer can be here, it came on its own.
            let isAnswer = isRepair ?? (answer >= min(roundTrip * 3 / 4, Self.shortestRetry) || entry.requests > 1)
            if isAnswer {
                if entry.requests == 1 { answerTime = answerTime.map { ($0 * 7 + answer) / 8 } ?? answer }
                return .recovered
            }
        }
        let wait = now - entry.noticedAt
        // A little more than the longest of late, forgotten slowly.
        reorderWait = min(Self.longestReorderWait, max(wait * 5 / 4, reorderWait * 31 / 32))
        return .late
    }

    /// The packets to be asked for now, in ascending order; those asked for too often or for too long are given up.
    /// - `roundTrip`: goes for the time of an answer before there was one.
    mutating func takeDue(now: MonotonicInstant, roundTrip: Duration) -> [SequenceNumber] {
        guard let deadline, deadline <= now else { return [] }
        entries.removeAll { now - $0.noticedAt > giveUpAge || $0.requests >= Self.maximumRequests }
        let wait = max(Self.shortestRetry, (answerTime ?? roundTrip) * 5 / 4) + reorderWait
        var numbers: [SequenceNumber] = []
        for index in entries.indices where entries[index].dueAt <= now {
            entries[index].requests += 1
            entries[index].requestedAt = now
            entries[index].dueAt = now + wait
            numbers.append(SequenceNumber(rawValue: UInt16(truncatingIfNeeded: entries[index].count)))
        }
        return numbers
    }

    mutating func reset() { entries.removeAll(keepingCapacity: true) }

    private static let maximumCount = 256
    private static let maximumRequests = 10
    private static let shortestRetry = Duration.milliseconds(15)
    private static let usualReorderWait = Duration.milliseconds(4)
    private static let longestReorderWait = Duration.milliseconds(40)
}
