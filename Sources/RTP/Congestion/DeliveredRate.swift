/// The rate at which packets arrive: windows of 150 ms, weighed by how far they stray.
///
/// Source: libwebrtc's acknowledged bitrate estimator, a Bayesian filter.
struct DeliveredRate: Sendable {
    /// Bits a second; nil before half a second has passed.
    var bitsPerSecond: Double? { estimate.map { $0 * 1000 } }

    private var estimate: Double?  // kbit/s, as the filter's constants are
    private var variance = 50.0
    private var sum = 0
    private var windowTime = 0.0
    private var last: Double?

    /// - `at`: of its arrival, milliseconds on the far side's clock.
    mutating func insert(bytes: Int, at time: Double) {
        guard let sample = sample(bytes, time) else { return }
        guard let estimate else {
            self.estimate = sample
            return
        }
        let uncertainty = estimate > 0 ? 10 * (estimate - sample).magnitude / estimate : 1000
        let sampleVariance = max(uncertainty * uncertainty, 0.01)
        let predicted = variance + 5
        self.estimate = (sampleVariance * estimate + predicted * sample) / (sampleVariance + predicted)
        variance = sampleVariance * predicted / (sampleVariance + predicted)
    }

    private mutating func sample(_ bytes: Int, _ time: Double) -> Double? {
        let window = estimate == nil ? 500.0 : 150
        defer {
            sum += bytes
            last = max(last ?? time, time)
        }
        guard let last, time > last else { return nil }
        windowTime += time - last
        if time - last > window {
            sum = 0
            windowTime = windowTime.truncatingRemainder(dividingBy: window)
        }
        guard windowTime >= window else { return nil }
        defer {
            sum = 0
            windowTime -= window
        }
        return Double(8 * sum) / window
    }
}
