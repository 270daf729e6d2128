import Media

/// Lowers the rate where packets are lost because too much is sent, and does not where they are lost anyway.
///
/// Source: draft-ietf-rmcat-gcc-02 §6. Beyond it: loss that stays when the rate goes down is the link's own (a radio's),
/// and is borne from then on.
struct LossControl: Sendable {
    /// The upper bound of the rate, bits a second; nil while loss says nothing.
    private(set) var limit: Double?
    /// Of late, 0…1.
    private(set) var fraction = 0.0

    private var lost = 0
    private var total = 0
    /// What is lost however little is sent.
    private(set) var inherent = 0.0
    private var fractionBefore: Double?
    private var futileSteps = 0
    private var decreasedAt: MonotonicInstant?
    private var raisedAt: MonotonicInstant?

    /// - `rate`: what is sent at, bits a second.
    mutating func update(
        lost: Int, total: Int, rate: Double, roundTrip: Duration, now: MonotonicInstant
    ) {
        self.lost += lost
        self.total += total
        guard self.total >= Self.packetsPerSample else { return }
        let sample = Double(self.lost) / Double(self.total)
        // Over some samples: in 20 packets, one lost is 5 %.
        fraction = self.total >= 5 * Self.packetsPerSample ? sample : fraction + 0.25 * (sample - fraction)
        (self.lost, self.total) = (0, 0)
        inherent = min(inherent, fraction)
        if fraction > inherent + Self.high {
            decrease(rate, roundTrip, now)
        } else if fraction <= inherent + Self.low {
            increase(now)
        } else {
            raisedAt = now
        }
    }

    /// The rate was found to go through.
    mutating func raise(to rate: Double) {
        if let limit { self.limit = max(limit, rate) }
    }

    /// Bounds the rate though nothing was lost: with nothing else to go by, it is raised from here.
    mutating func begin(at rate: Double) { limit = limit ?? rate }

    /// Lifts the bound when it is well above what others allow.
    mutating func relax(above rate: Double) {
        if let limit, limit > 1.5 * rate { self.limit = nil }
    }

    private mutating func decrease(_ rate: Double, _ roundTrip: Duration, _ now: MonotonicInstant) {
        raisedAt = now
        if let decreasedAt, now - decreasedAt < .milliseconds(300) + roundTrip { return }
        decreasedAt = now
        if let fractionBefore, fraction > 0.8 * fractionBefore {
            futileSteps += 1
        } else {
            futileSteps = 0
        }
        fractionBefore = fraction
        if futileSteps >= Self.futileSteps {
            inherent = min(Self.mostInherent, fraction)
            futileSteps = 0
            fractionBefore = nil
            return
        }
        limit = min(limit ?? rate, rate) * (1 - 0.5 * (fraction - inherent))
    }

    private mutating func increase(_ now: MonotonicInstant) {
        fractionBefore = nil
        futileSteps = 0
        defer { raisedAt = now }
        guard let limit, let raisedAt else { return }
        let seconds = min(1, Double((now - raisedAt).nanoseconds) / 1e9)
        self.limit = limit + (0.08 * limit + 1000) * seconds
    }

    private static let low = 0.02
    private static let high = 0.1
    private static let packetsPerSample = 20
    private static let futileSteps = 3
    private static let mostInherent = 0.3
}
