import Media

/// What may be sent again: a share of the estimate, so that repairs of an overflow do not make the next one.
struct RepairBudget: Sendable {
    private var bits = 0.0
    private var updatedAt: MonotonicInstant?

    /// Whether a packet may be sent again now.
    /// - `rate`: the estimate, bits a second.
    mutating func isOpen(rate: Double, now: MonotonicInstant) -> Bool {
        let elapsed = updatedAt.map { Double(max(0, (now - $0).nanoseconds)) / 1e9 } ?? Self.seconds
        updatedAt = now
        bits = min(rate * Self.share * Self.seconds, bits + elapsed * rate * Self.share)
        return bits > 0
    }

    mutating func spend(bytes: Int) { bits -= Double(8 * bytes) }

    /// More than the loss that is borne (``LossControl``) asks for.
    private static let share = 0.4
    /// What is saved up, of the rate.
    private static let seconds = 0.2
}
