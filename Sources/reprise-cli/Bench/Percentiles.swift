import Reprise

/// Many measurements of one thing, in milliseconds.
struct Measurements: Sendable, Equatable {
    private(set) var values: [Double] = []

    mutating func add(_ duration: Duration?) { if let duration { values.append(duration.milliseconds) } }

    var count: Int { values.count }
    var p50: Double? { percentile(50) }
    var p95: Double? { percentile(95) }
    var max: Double? { values.max() }

    /// The smallest value that at least `percent` of all values do not exceed (nearest rank): always one that was
    /// measured.
    func percentile(_ percent: Double) -> Double? {
        guard !values.isEmpty else { return nil }
        let rank = (percent / 100 * Double(values.count)).rounded(.up)
        return values.sorted()[min(Swift.max(Int(rank), 1), values.count) - 1]
    }
}
