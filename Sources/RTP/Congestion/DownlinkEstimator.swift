import Media

/// Estimates what the way to us carries, for a far side that asks for it because it has no transport-wide feedback: from
/// when packets say that they were sent and when they came.
/// - Source: draft-alvestrand-rmcat-remb-03; draft-ietf-rmcat-gcc-02 §5, at the receiver.
struct DownlinkEstimator: Sendable {
    private var groups = ArrivalGroups()
    private var trend = DelayTrend()
    private var delivered = DeliveredRate()
    private var control: RateControl
    /// Ticks of 2^-18 s since the first packet, and the wire's 24 bits of it.
    private var sent: (ticks: Int64, wire: UInt32)?
    private var updatedAt: MonotonicInstant?
    private var told: (rate: Double, at: MonotonicInstant)?

    init(settings: RTPTransport.Settings) {
        let range = Double(settings.minimumBitrate)...Double(max(settings.minimumBitrate, settings.maximumBitrate))
        control = RateControl(rate: Double(settings.startBitrate), range: range)
    }

    /// Takes a packet.
    /// - `sendTime`: the 24 bits of abs-send-time.
    /// - Returns: bits a second, when the far side is to be told of them: once a second, and at once where they fell.
    mutating func insert(sendTime: UInt32, bytes: Int, roundTrip: Duration, now: MonotonicInstant) -> UInt64? {
        let arrival = Double(now.nanoseconds) / 1e6
        delivered.insert(bytes: bytes, at: arrival)
        if let delta = groups.insert(sent: milliseconds(sendTime), arrival: arrival) {
            trend.update(delta)
            update(roundTrip: roundTrip, now: now)
        }
        guard let told else {
            // Nothing to say before there is something to go by.
            guard delivered.bitsPerSecond != nil else { return nil }
            return tell(now)
        }
        let isDue = now - told.at >= Self.interval
        let hasFallen = control.rate < Self.fall * told.rate && now - told.at >= Self.shortestInterval
        return isDue || hasFallen ? tell(now) : nil
    }

    private mutating func tell(_ now: MonotonicInstant) -> UInt64 {
        told = (control.rate, now)
        return UInt64(control.rate)
    }

    private mutating func update(roundTrip: Duration, now: MonotonicInstant) {
        let throughput = delivered.bitsPerSecond
        if trend.usage == .overuse {
            guard control.canReduce(delivered: throughput, roundTrip: roundTrip, now: now) else { return }
        } else if let updatedAt, now - updatedAt < Self.updateInterval {
            return
        }
        updatedAt = now
        control.update(trend.usage, delivered: throughput, roundTrip: roundTrip, now: now)
        // No queue has grown so far: the far side may go on from what came, and show more.
        if control.decreasedAt == nil, let throughput, 1.5 * throughput > control.rate {
            control.set(1.5 * throughput, now: now)
        }
    }

    /// On the far side's clock.
    private mutating func milliseconds(_ wire: UInt32) -> Double {
        var ticks = sent?.ticks ?? 0
        // The difference in 24 bits, with its sign: the time wraps after 64 s, and packets overtake each other.
        if let sent { ticks += Int64(Int32(bitPattern: (wire &- sent.wire) << 8) >> 8) }
        sent = (ticks, wire)
        return Double(ticks) * 1000 / 262_144
    }

    private static let interval = Duration.seconds(1)
    private static let shortestInterval = Duration.milliseconds(200)
    private static let updateInterval = Duration.milliseconds(50)
    private static let fall = 0.97
}
