/// Groups packets that were sent together and compares the groups' spacing at both ends.
///
/// Source: draft-ietf-rmcat-gcc-02 §5.2 (pre-filtering), §5.3.
struct ArrivalGroups: Sendable {
    /// How a group was sent and arrived, against the one before: milliseconds.
    struct Delta: Sendable, Hashable {
        var send: Double
        var arrival: Double
        /// When the group was complete, on the far side's clock.
        var arrivedAt: Double
    }

    private struct Group {
        var firstSent: Double
        var lastSent: Double
        var firstArrival: Double
        var lastArrival: Double
    }

    private var current: Group?
    private var previous: Group?
    private var reordered = 0

    /// Takes a packet in order of sending; times are milliseconds, each of its own clock.
    /// - Returns: a delta when the packet begins a new group after two complete ones.
    mutating func insert(sent: Double, arrival: Double) -> Delta? {
        guard var group = current else {
            current = Group(firstSent: sent, lastSent: sent, firstArrival: arrival, lastArrival: arrival)
            return nil
        }
        guard sent >= group.firstSent else { return nil }
        if belongs(sent, arrival, to: group) || sent - group.firstSent <= Self.span {
            group.lastSent = max(group.lastSent, sent)
            group.lastArrival = max(group.lastArrival, arrival)
            current = group
            return nil
        }
        defer {
            previous = current
            current = Group(firstSent: sent, lastSent: sent, firstArrival: arrival, lastArrival: arrival)
        }
        guard let previous else { return nil }
        let delta = Delta(
            send: group.lastSent - previous.lastSent, arrival: group.lastArrival - previous.lastArrival,
            arrivedAt: group.lastArrival)
        guard delta.arrival >= 0 else {
            reordered += 1
            if reordered >= 3 { reset() }
            return nil
        }
        reordered = 0
        return delta
    }

    mutating func reset() { self = ArrivalGroups() }

    /// Packets that queued somewhere and were let go at once say nothing about the queue that matters (§5.2).
    private func belongs(_ sent: Double, _ arrival: Double, to group: Group) -> Bool {
        let arrivalDelta = arrival - group.lastArrival
        let sendDelta = sent - group.lastSent
        if sendDelta == 0 { return true }
        return arrivalDelta - sendDelta < 0 && arrivalDelta <= Self.span && arrival - group.firstArrival < 100
    }

    private static let span = 5.0
}
