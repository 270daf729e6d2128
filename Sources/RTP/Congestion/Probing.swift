import Media

/// A burst that is sent faster than the estimate, to see whether it goes through.
struct Probe: Sendable, Hashable {
    var id: Int
    /// Bits a second.
    var rate: Double
    /// What it takes to tell: five packets, and 15 ms of the rate.
    static let minimumPackets = 5
    var minimumBytes: Int { Int(rate * 0.015 / 8) }
}

/// When to probe, and how fast: at the start, further while it succeeds, and after a fall until the rate is back.
struct ProbePlan: Sendable {
    private let maximumRate: Double
    private var nextID = 0
    private var pending: [Probe] = []
    private var hasStarted = false
    /// The rate of the last probe, while its result may come.
    private var awaited: (rate: Double, since: MonotonicInstant)?
    /// The rate before the last fall, while it is not regained.
    private var lostRate: Double?
    private var retryAt: MonotonicInstant?
    private var retryInterval = firstRetry

    init(maximumRate: Double) { self.maximumRate = maximumRate }

    /// At the first packet that a probe can be made of.
    mutating func start(rate: Double, now: MonotonicInstant) {
        guard !hasStarted else { return }
        hasStarted = true
        // In ascending order: the second waits for nothing.
        plan(3 * rate, now)
        plan(6 * rate, now)
    }

    /// The next probe that is to be sent.
    mutating func takeProbe() -> Probe? { pending.isEmpty ? nil : pending.removeFirst() }

    var deadline: MonotonicInstant? { hasStarted && lostRate != nil ? retryAt : nil }

    /// A probe went through at a rate.
    mutating func noteResult(_ rate: Double, now: MonotonicInstant) {
        retryInterval = Self.firstRetry
        if let lostRate, rate >= 0.85 * lostRate { self.lostRate = nil }
        if let awaited, now - awaited.since < Self.patience, rate > 0.7 * awaited.rate {
            plan(2 * rate, now)
        } else if lostRate != nil {
            retryAt = now + Self.firstRetry
        }
    }

    /// The estimate fell.
    mutating func noteFall(from before: Double, now: MonotonicInstant) {
        pending = []
        awaited = nil
        lostRate = max(lostRate ?? 0, before)
        retryInterval = Self.firstRetry
        retryAt = now + retryInterval
    }

    /// - `isCalm`: no queue grows now.
    mutating func handleTimeout(rate: Double, isCalm: Bool, now: MonotonicInstant) {
        guard hasStarted, let lostRate, let retryAt, retryAt <= now else { return }
        guard rate < 0.85 * lostRate else {
            self.lostRate = nil
            return
        }
        guard isCalm else {
            self.retryAt = now + Self.firstRetry / 4
            return
        }
        plan(min(2 * rate, 0.95 * lostRate), now)
        retryInterval = min(Self.longestRetry, retryInterval * 3 / 2)
        self.retryAt = now + retryInterval
    }

    private mutating func plan(_ rate: Double, _ now: MonotonicInstant) {
        let rate = min(rate, maximumRate)
        guard rate > awaited.map({ now - $0.since < Self.patience ? $0.rate : 0 }) ?? 0 else { return }
        pending.append(Probe(id: nextID, rate: rate))
        nextID += 1
        awaited = (rate, now)
    }

    private static let patience = Duration.seconds(1)
    private static let firstRetry = Duration.seconds(2)
    private static let longestRetry = Duration.seconds(10)
}

/// The rate at which a probe arrived.
///
/// Source: libwebrtc's probe bitrate estimator.
struct ProbeResults: Sendable {
    fileprivate struct Cluster {
        var id: Int
        var packets = 0
        var bytes = 0
        var firstSent = Double.infinity
        var lastSent = -Double.infinity
        var firstArrival = Double.infinity
        var lastArrival = -Double.infinity
        var lastSentBytes = 0
        var firstArrivalBytes = 0
    }

    private var clusters: [Cluster] = []

    /// Takes a packet of a probe; times are milliseconds, each of its own clock.
    /// - Returns: bits a second, when the probe has enough.
    mutating func insert(probe: Int, bytes: Int, sent: Double, arrival: Double, minimumBytes: Int) -> Double? {
        let index = clusters.firstIndex { $0.id == probe } ?? clusters.count
        if index == clusters.count { clusters.append(Cluster(id: probe)) }
        clusters[index].insert(bytes, sent, arrival)
        defer { if clusters.count > 4 { clusters.removeFirst() } }
        return clusters[index].rate(minimumBytes)
    }
}

extension ProbeResults.Cluster {
    fileprivate mutating func insert(_ size: Int, _ sent: Double, _ arrival: Double) {
        packets += 1
        bytes += size
        firstSent = min(firstSent, sent)
        if sent >= lastSent { (lastSent, lastSentBytes) = (sent, size) }
        if arrival < firstArrival { (firstArrival, firstArrivalBytes) = (arrival, size) }
        lastArrival = max(lastArrival, arrival)
    }

    fileprivate func rate(_ minimumBytes: Int) -> Double? {
        guard packets >= Probe.minimumPackets * 4 / 5, bytes >= minimumBytes * 4 / 5 else { return nil }
        let (sendTime, arrivalTime) = (lastSent - firstSent, lastArrival - firstArrival)
        guard sendTime > 0, sendTime <= 1000, arrivalTime > 0, arrivalTime <= 1000 else { return nil }
        let sendRate = Double(8000 * (bytes - lastSentBytes)) / sendTime
        let arrivalRate = Double(8000 * (bytes - firstArrivalBytes)) / arrivalTime
        // Faster by far than it was sent: somewhere it was held back.
        guard arrivalRate <= 2 * sendRate else { return nil }
        // Slower than it was sent: that is the link's rate, and a little less is aimed at.
        return arrivalRate < 0.9 * sendRate ? 0.95 * arrivalRate : min(sendRate, arrivalRate)
    }
}
