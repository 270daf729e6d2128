/// Judges a connection by what was measured of it over the last second or so.
///
/// Worse is shown after two measurements in a row, better only after five that keep clear of the limit: what is shown
/// does not flicker. A lost connection is shown at once. No clock: one call is one measurement.
struct QualityMeter: Sendable {
    /// What was measured; nil where nothing is known.
    struct Sample: Sendable, Hashable {
        /// Of the packets either way, the worse, 0–1.
        var loss: Double?
        var roundTrip: Duration?
        var jitter: Duration?
        /// Bits a second that the way out bears.
        var uplink: Int?
        var isLost = false
    }

    /// From these on a connection counts as poor or good. Loss: Opus with FEC hides some 2 %, and 8 % is heard. Round
    /// trip: ITU-T G.114 calls 150 ms one way unnoticed and 400 ms the limit; devices and jitter buffers add to it.
    private enum Limit {
        static let loss = (good: 0.02, poor: 0.08)
        static let roundTrip = (good: Duration.milliseconds(150), poor: Duration.milliseconds(400))
        static let jitter = (good: Duration.milliseconds(30), poor: Duration.milliseconds(80))
        static let uplink = (good: 300_000, poor: 60_000)
    }

    private static let worseAfter = 2
    private static let betterAfter = 5
    /// How much better than a limit a measurement must be to count as better.
    private static let clearance = 0.8

    private(set) var quality = ConnectionQuality.unknown
    private var worse = 0
    private var better = 0

    mutating func add(_ sample: Sample) -> ConnectionQuality {
        let (strict, lenient) = (Self.level(sample, slack: 1), Self.level(sample, slack: Self.clearance))
        guard let strict, let lenient else { return quality }
        if quality == .unknown || strict == .lost {
            return settle(strict)
        }
        if quality == .lost {
            // It came back: how good it is, the next measurements show.
            return settle(min(strict, .poor))
        }
        worse = strict < quality ? worse + 1 : 0
        better = lenient > quality ? better + 1 : 0
        if worse >= Self.worseAfter { return settle(strict) }
        if better >= Self.betterAfter { return settle(lenient) }
        return quality
    }

    private mutating func settle(_ quality: ConnectionQuality) -> ConnectionQuality {
        (worse, better) = (0, 0)
        self.quality = quality
        return quality
    }

    /// - `slack`: 1 for the limits themselves; less to keep clear of them.
    /// - Returns: nil where nothing was measured.
    private static func level(_ sample: Sample, slack: Double) -> ConnectionQuality? {
        if sample.isLost { return .lost }
        var levels: [ConnectionQuality] = []
        if let loss = sample.loss { levels.append(level(loss, Limit.loss.good * slack, Limit.loss.poor * slack)) }
        if let roundTrip = sample.roundTrip {
            levels.append(level(roundTrip, Limit.roundTrip.good * slack, Limit.roundTrip.poor * slack))
        }
        if let jitter = sample.jitter {
            levels.append(level(jitter, Limit.jitter.good * slack, Limit.jitter.poor * slack))
        }
        if let uplink = sample.uplink {
            // The other way round: less is worse.
            levels.append(
                level(-Double(uplink), -Double(Limit.uplink.good) / slack, -Double(Limit.uplink.poor) / slack))
        }
        return levels.min()
    }

    private static func level<Value: Comparable>(_ value: Value, _ good: Value, _ poor: Value) -> ConnectionQuality {
        value >= poor ? .poor : value >= good ? .good : .excellent
    }
}

extension ConnectionQuality: Comparable {
    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    public static func < (a: ConnectionQuality, b: ConnectionQuality) -> Bool { a.rank < b.rank }
}
