import Media

/// Estimates what the link carries from what the far side says of the packets that arrived.
///
/// The delay bounds the rate where a queue grows, loss where there is no queue, REMB where the far side asks for less. Without
/// transport-wide feedback there are loss and REMB alone.
/// - Source: draft-ietf-rmcat-gcc-02, as libwebrtc has it.
struct BandwidthEstimator: Sendable {
    private let settings: RTPTransport.Settings
    private var sent = SentPackets()
    private var groups = ArrivalGroups()
    private var trend = DelayTrend()
    private var delivered = DeliveredRate()
    private var control: RateControl
    private var loss = LossControl()
    private var overflow = QueueOverflow()
    private var plan: ProbePlan
    private var probeResults = ProbeResults()
    private var probes: [Probe] = []
    private var lastProbed: (rate: Double, at: MonotonicInstant)?
    /// When the queue was last found to overflow.
    private var overflowedAt: MonotonicInstant?
    private var remb: Double?
    private var hasFeedback = false
    private var feedbackRoundTrip: Duration?
    /// When the first packet left since the far side was heard, or was last found silent.
    private var unansweredSince: MonotonicInstant?
    private var results: [PacketResult] = []
    private var announced: Int?

    init(settings: RTPTransport.Settings) {
        self.settings = settings
        let range = Double(settings.minimumBitrate)...Double(max(settings.minimumBitrate, settings.maximumBitrate))
        control = RateControl(rate: Double(settings.startBitrate), range: range)
        plan = ProbePlan(maximumRate: range.upperBound)
    }

    /// Bits a second.
    var target: Double {
        var target = hasFeedback ? control.rate : Double(settings.maximumBitrate)
        target = min(target, loss.limit ?? (hasFeedback ? target : Double(settings.startBitrate)))
        if let remb { target = min(target, remb) }
        return max(target, Double(settings.minimumBitrate))
    }

    var lossFraction: Double { loss.fraction }
    /// From a packet sent to the message that tells of it; longer than the way, as messages wait for each other.
    var roundTrip: Duration? { feedbackRoundTrip }

    /// The estimate when it has changed by as much as matters since it was last taken.
    mutating func takeChange(roundTrip: Duration?) -> BandwidthEstimate? {
        let rate = Int(target)
        if let announced, abs(rate - announced) * 50 < announced { return nil }
        announced = rate
        return BandwidthEstimate(bitsPerSecond: rate, lossFraction: lossFraction, roundTrip: roundTrip)
    }

    // MARK: Sending

    /// Takes note of a packet that goes on the wire.
    /// - Returns: its transport-wide sequence number.
    mutating func noteSent(bytes: Int, probe: Int?, now: MonotonicInstant) -> UInt16 {
        unansweredSince = unansweredSince ?? now
        return sent.insert(bytes: bytes, probe: probe, now: now)
    }

    /// Begins to probe, when packets that can be probed with are sent for the first time.
    mutating func startProbing(now: MonotonicInstant) { plan.start(rate: target, now: now) }

    mutating func takeProbe() -> Probe? {
        guard let probe = plan.takeProbe() else { return nil }
        probes.append(probe)
        if probes.count > 8 { probes.removeFirst() }
        return probe
    }

    // MARK: Feedback

    mutating func receive(_ feedback: TransportFeedback, roundTrip: Duration, now: MonotonicInstant) {
        let before = target
        if !hasFeedback { control.set(before, now: now) }
        hasFeedback = true
        unansweredSince = nil
        results.removeAll(keepingCapacity: true)
        sent.take(feedback, &results)
        guard !results.isEmpty else { return }
        let probed = takeArrivals(now)
        let lost = results.count { $0.arrival == nil }
        loss.update(lost: lost, total: results.count, rate: target, roundTrip: roundTrip, now: now)
        if let capacity = overflow.takeCapacity(bearable: loss.inherent) {
            lower(to: capacity, now: now)
        } else {
            react(probed: probed, roundTrip: roundTrip, now: now)
        }
        loss.relax(above: control.rate)
        if target < Self.fall * before { plan.noteFall(from: before, now: now) }
    }

    /// What a report says of one stream; it counts only without transport-wide feedback.
    mutating func receive(lost: Int, total: Int, roundTrip: Duration, now: MonotonicInstant) {
        guard !hasFeedback else { return }
        loss.begin(at: Double(settings.startBitrate))
        loss.update(lost: lost, total: total, rate: target, roundTrip: roundTrip, now: now)
    }

    mutating func receive(remb bitsPerSecond: UInt64) {
        let rate = Double(bitsPerSecond)
        // The receiver's estimate is all there is: nothing was lost on the way there.
        if !hasFeedback, loss.fraction < 0.02 { loss.raise(to: min(rate, 2 * target)) }
        remb = rate
    }

    // MARK: Time

    var deadline: MonotonicInstant? {
        guard let silence = silenceDeadline, let probing = plan.deadline else {
            return silenceDeadline ?? plan.deadline
        }
        return min(silence, probing)
    }

    mutating func handleTimeout(now: MonotonicInstant) {
        plan.handleTimeout(rate: target, isCalm: trend.usage != .overuse, now: now)
        guard let silenceDeadline, silenceDeadline <= now else { return }
        // Nothing is heard of what was sent: the way may be gone, or a queue in it stand still.
        unansweredSince = nil
        let before = target
        control.set(before / 2, now: now)
        plan.noteFall(from: before, now: now)
    }

    /// When the far side has been silent for too long about what was sent since it last spoke.
    private var silenceDeadline: MonotonicInstant? { hasFeedback ? unansweredSince.map { $0 + Self.silence } : nil }

    // MARK: Parts

    /// Feeds what arrived to the filters, in order of sending.
    /// - Returns: the rate that a probe showed.
    private mutating func takeArrivals(_ now: MonotonicInstant) -> Double? {
        var probed: Double?
        for result in results {
            let sentAt = Double(result.sentAt.nanoseconds) / 1e6
            if overflowedAt.map({ result.sentAt > $0 }) ?? true {
                overflow.insert(
                    sent: sentAt, arrival: result.arrival.map { Double($0) / 1000 }, bytes: result.bytes)
            }
            guard let arrivalMicroseconds = result.arrival else { continue }
            let arrival = Double(arrivalMicroseconds) / 1000
            feedbackRoundTrip = now - result.sentAt
            delivered.insert(bytes: result.bytes, at: arrival)
            if let delta = groups.insert(sent: sentAt, arrival: arrival) { trend.update(delta) }
            guard let id = result.probe, let probe = probes.first(where: { $0.id == id }) else { continue }
            probed =
                probeResults.insert(
                    probe: id, bytes: result.bytes, sent: sentAt, arrival: arrival, minimumBytes: probe.minimumBytes)
                ?? probed
        }
        return probed
    }

    /// The queue overflows: all that is sent beyond what the link carries is lost.
    private mutating func lower(to capacity: Double, now: MonotonicInstant) {
        overflowedAt = now
        overflow.restart()
        control.reduce(below: capacity, now: now)
        // The delays of the overflow are answered: the queue drains now.
        trend = DelayTrend()
        groups.reset()
        lastProbed = nil
    }

    private mutating func react(probed: Double?, roundTrip: Duration, now: MonotonicInstant) {
        var throughput = delivered.bitsPerSecond
        if let probed { lastProbed = (probed, now) }
        if let lastProbed, now - lastProbed.at < Self.probeMemory {
            // The queue is the probe's own: what it showed goes, not the little that was sent beside it.
            throughput = throughput.map { max($0, lastProbed.rate) }
        }
        if trend.usage == .overuse {
            if control.canReduce(delivered: throughput, roundTrip: roundTrip, now: now) {
                control.update(.overuse, delivered: throughput, roundTrip: roundTrip, now: now)
            }
            return
        }
        if let probed, probed > control.rate {
            control.set(probed, now: now)
            loss.raise(to: probed)
            plan.noteResult(probed, now: now)
        } else {
            control.update(trend.usage, delivered: throughput, roundTrip: roundTrip, now: now)
        }
    }

    /// An estimate below this share of the one before has fallen.
    private static let fall = 0.9
    private static let probeMemory = Duration.milliseconds(500)
    private static let silence = Duration.milliseconds(1500)
}
