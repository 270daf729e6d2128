/// Whether the queue on the way grows: the slope of the delay over the last groups, against a threshold that adapts.
///
/// Source: libwebrtc's trendline filter, which took the place of the Kalman filter of draft-ietf-rmcat-gcc-02 §5.3; the
/// threshold is §5.4.
struct DelayTrend: Sendable {
    enum Usage: Sendable, Hashable {
        case normal
        /// More is sent than the link carries.
        case overuse
        /// A queue drains.
        case underuse
    }

    private(set) var usage = Usage.normal

    private struct Point {
        var time: Double
        var delay: Double
    }

    private var points: [Point] = []
    private var firstArrival: Double?
    private var deltas = 0
    private var accumulated = 0.0
    private var smoothed = 0.0
    private var lastTrend = 0.0
    private var threshold = 12.5
    private var lastThresholdAt: Double?
    private var overuseTime: Double?
    private var overuseCount = 0

    mutating func update(_ delta: ArrivalGroups.Delta) {
        deltas += 1
        accumulated += delta.arrival - delta.send
        smoothed = 0.9 * smoothed + 0.1 * accumulated
        let first = firstArrival ?? delta.arrivedAt
        firstArrival = first
        if points.count == Self.window { points.removeFirst() }
        points.append(Point(time: delta.arrivedAt - first, delay: smoothed))
        detect(trend: points.count == Self.window ? slope ?? lastTrend : lastTrend, delta)
    }

    private mutating func detect(trend: Double, _ delta: ArrivalGroups.Delta) {
        guard deltas >= 2 else { return }
        let modified = Double(min(deltas, 60)) * trend * Self.gain
        if modified > threshold {
            overuseTime = overuseTime.map { $0 + delta.send } ?? delta.send / 2
            overuseCount += 1
            if overuseTime ?? 0 > Self.overuseTime, overuseCount > 1, trend >= lastTrend {
                overuseTime = 0
                overuseCount = 0
                usage = .overuse
            }
        } else {
            overuseTime = nil
            overuseCount = 0
            usage = modified < -threshold ? .underuse : .normal
        }
        lastTrend = trend
        adapt(modified, at: delta.arrivedAt)
    }

    /// §5.4: slowly up, so that a flow that fills queues does not starve this one; faster down.
    private mutating func adapt(_ modified: Double, at time: Double) {
        let elapsed = min(time - (lastThresholdAt ?? time), 100)
        lastThresholdAt = time
        // A spike says nothing about what is usual.
        guard modified.magnitude <= threshold + 15 else { return }
        let gain = modified.magnitude < threshold ? 0.039 : 0.0087
        threshold = min(600, max(6, threshold + gain * (modified.magnitude - threshold) * elapsed))
    }

    /// Least squares over the points.
    private var slope: Double? {
        var (time, delay) = (0.0, 0.0)
        for point in points {
            time += point.time
            delay += point.delay
        }
        time /= Double(points.count)
        delay /= Double(points.count)
        var (numerator, denominator) = (0.0, 0.0)
        for point in points {
            numerator += (point.time - time) * (point.delay - delay)
            denominator += (point.time - time) * (point.time - time)
        }
        return denominator == 0 ? nil : numerator / denominator
    }

    private static let window = 20
    private static let gain = 4.0
    /// Milliseconds.
    private static let overuseTime = 10.0
}
