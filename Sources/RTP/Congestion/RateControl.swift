import Media

/// Raises the rate until the queue grows, and then lowers it below what arrives.
///
/// Source: draft-ietf-rmcat-gcc-02 §5.5, with libwebrtc's figures.
struct RateControl: Sendable {
    private enum State {
        case hold
        case increase
    }

    /// Bits a second.
    private(set) var rate: Double
    private let range: ClosedRange<Double>
    private var state = State.increase
    private var capacity = LinkCapacity()
    private var changedAt: MonotonicInstant?
    private(set) var decreasedAt: MonotonicInstant?

    init(rate: Double, range: ClosedRange<Double>) {
        self.rate = rate
        self.range = range
    }

    /// Takes a rate that is known from elsewhere: a probe.
    mutating func set(_ rate: Double, now: MonotonicInstant) {
        self.rate = clamp(rate)
        changedAt = now
    }

    /// Whether it is time to go lower once more: the last step's effect can have been seen, or was far too small.
    func canReduce(delivered: Double?, roundTrip: Duration, now: MonotonicInstant) -> Bool {
        guard let decreasedAt else { return true }
        if now - decreasedAt >= min(.milliseconds(200), max(.milliseconds(10), roundTrip)) { return true }
        return delivered.map { $0 < rate / 2 } ?? false
    }

    /// - `delivered`: what arrives, bits a second; nil while unknown.
    mutating func update(
        _ usage: DelayTrend.Usage, delivered: Double?, roundTrip: Duration, now: MonotonicInstant
    ) {
        switch usage {
        case .overuse: decrease(delivered, isKnown: capacity.isKnown, now)
        case .underuse: state = .hold
        case .normal:
            if state == .hold {
                state = .increase
                changedAt = now
            }
            increase(delivered, roundTrip, now)
        }
    }

    /// Goes below what the link was seen to carry, at once.
    mutating func reduce(below capacity: Double, now: MonotonicInstant) {
        if Self.known * capacity < rate { decrease(capacity, isKnown: true, now) }
    }

    private mutating func increase(_ delivered: Double?, _ roundTrip: Duration, _ now: MonotonicInstant) {
        defer { changedAt = now }
        if let delivered, delivered > capacity.upperBound { capacity.reset() }
        // Not far above what was tried: an application that sends less learns nothing of the link.
        let limit = delivered.map { 1.5 * $0 + 10_000 } ?? .infinity
        guard rate < limit, let changedAt else { return }
        let seconds = min(1, Double((now - changedAt).nanoseconds) / 1e9)
        let raised =
            capacity.isKnown ? rate + additiveStep(roundTrip) * seconds : rate + max(rate * 0.08, 1000) * seconds
        rate = clamp(min(raised, limit))
    }

    /// - `isKnown`: what arrives is near what the link was seen to carry.
    private mutating func decrease(_ delivered: Double?, isKnown: Bool, _ now: MonotonicInstant) {
        let factor = isKnown ? Self.known : Self.beta
        state = .hold
        changedAt = now
        decreasedAt = now
        guard let delivered else {
            rate = clamp(rate / 2)
            return
        }
        var lowered = factor * delivered
        if lowered > rate, let known = capacity.estimate { lowered = factor * known }
        if lowered < rate { rate = clamp(lowered) }
        if delivered < capacity.lowerBound { capacity.reset() }
        capacity.noteOveruse(at: delivered)
    }

    /// About a packet a response time (§5.5), bits a second per second.
    private func additiveStep(_ roundTrip: Duration) -> Double {
        let frame = rate / 30
        let packets = max(1, (frame / 9600).rounded(.up))
        let response = Double((roundTrip + .milliseconds(100)).nanoseconds) / 1e9
        return max(4000, frame / packets / response)
    }

    private func clamp(_ rate: Double) -> Double { min(range.upperBound, max(range.lowerBound, rate)) }

    private static let beta = 0.85
    /// Where the link is known less has to be given up for the queue to drain.
    private static let known = 0.9
}

/// What the link was seen to carry whenever the queue grew: near it, the rate is raised with care.
private struct LinkCapacity: Sendable {
    /// Bits a second.
    private(set) var estimate: Double?
    private var deviation = 0.4

    var isKnown: Bool { estimate != nil }
    var upperBound: Double { estimate.map { $0 + 3 * spread($0) } ?? .infinity }
    var lowerBound: Double { estimate.map { max(0, $0 - 3 * spread($0)) } ?? 0 }

    mutating func noteOveruse(at delivered: Double) {
        let sample = delivered / 1000
        let smoothed = estimate.map { 0.95 * $0 / 1000 + 0.05 * sample } ?? sample
        let error = smoothed - sample
        deviation = min(2.5, max(0.4, 0.95 * deviation + 0.05 * error * error / max(smoothed, 1)))
        estimate = smoothed * 1000
    }

    mutating func reset() { estimate = nil }

    private func spread(_ estimate: Double) -> Double { 1000 * (deviation * estimate / 1000).squareRoot() }
}
