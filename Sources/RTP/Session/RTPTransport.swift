package import Media

/// The RTP session of one transport: numbers, repairs and paces what is sent; sorts, repairs and reports what is received.
///
/// Pure: packets, RTCP datagrams and `now` in; ``Action``s out, asked for until nil after each call.
/// - Thread: one at a time.
/// - Source: RFC 3550, 4585, 4588, 5104, 5506, 8843.
package struct RTPTransport: Sendable {
    package enum Action: Sendable {
        /// To be written into a datagram, protected and sent at once.
        case sendRTP(OutgoingPacket)
        /// One compound datagram, to be protected and sent at once.
        case sendRTCP([UInt8])
        /// A packet of an m-line, in order of arrival, each once; it carries no header extension but the audio level,
        /// under ``audioLevelID``.
        case deliver(RTPPacket, mid: String)
        /// A stream that signalling had not named began on an m-line.
        case bound(SSRC, mid: String)
        /// The far side wants a keyframe.
        case keyframeRequested(mid: String)
        /// The link is estimated anew.
        case estimate(BandwidthEstimate)
        /// The far side said that a stream has ended.
        case ended(SSRC, mid: String)
        /// Somebody else uses our SSRC (RFC 3550 §8.2): the stream goes on under another, which is to be signalled.
        case collided(SSRC, replacement: SSRC, mid: String)
    }

    package struct Settings: Sendable, Hashable {
        /// Whether feedback may go without a report before it (`a=rtcp-rsize`, RFC 5506).
        package var allowsReducedSize = true
        /// The largest RTCP datagram; room for SRTCP and TURN is left to an MTU of 1,280.
        package var maximumRTCPBytes = 1180
        /// What is added to `now` for the wall clock of sender reports: nanoseconds since 1970 less those of the
        /// monotonic clock.
        package var wallClockOffset: Int64 = 0
        /// The link is taken for this before anything is known of it, in bits a second.
        package var startBitrate = 300_000
        package var minimumBitrate = 30_000
        package var maximumBitrate = 10_000_000
        /// Between reports, without and with video (RFC 3550 §6.2's reduced minimum, as browsers have it).
        package var audioReportInterval = Duration.seconds(1)
        package var videoReportInterval = Duration.milliseconds(500)
        /// Between the first messages of transport-wide feedback.
        package var firstFeedbackInterval = Duration.milliseconds(20)
        /// Between later ones, without and with video.
        package var audioFeedbackInterval = Duration.milliseconds(100)
        package var videoFeedbackInterval = Duration.milliseconds(50)

        package init() {}
    }

    /// The id under which packets between a pipeline and this transport carry their audio level.
    package static let audioLevelID: UInt8 = 1

    private(set) var settings: Settings
    let cname: String
    var generator: SplitMix
    var actions = ActionQueue()

    var senders: [SenderStream] = []
    var lines: [RTPReceiverConfiguration] = []
    var streams: [ReceiverStream] = []
    var streamIndex: [SSRC: Int] = [:]
    /// The stream that each stream of retransmissions repeats.
    var repaired: [SSRC: SSRC] = [:]
    /// The ids of what is received; one transport has one set (RFC 8843 §9.1).
    var receivedIDs = RTPExtensionIDs()

    var estimator: BandwidthEstimator
    var pacer: Pacer
    var repairBudget = RepairBudget()

    /// Where the far side wants our estimate of its way here; nil: it makes its own, or wants none.
    var downlink: DownlinkEstimator?
    var arrivals = ArrivalLog()
    /// Whether the far side wants to know when packets arrive.
    var tellsArrivals = false
    var feedbackAt: MonotonicInstant?
    var reportAt: MonotonicInstant?
    /// Names us in RTCP while nothing is sent.
    let fallbackSSRC: SSRC
    /// The far side's newest round trip.
    var roundTrip: Duration?
    var unknownStreamPackets: Int64 = 0
    var malformedRTCP: Int64 = 0
    /// When an SSRC of ours was last found in use.
    var collidedAt: MonotonicInstant?

    /// - `cname`: names this end in SDES, at most 255 bytes of UTF-8.
    /// - `seed`: of the random numbers that RFC 3550 asks for.
    package init(cname: String, settings: Settings = Settings(), seed: UInt64) {
        precondition(cname.utf8.count <= 255, "a CNAME has at most 255 bytes (RFC 3550 §6.5)")
        self.cname = cname
        self.settings = settings
        generator = SplitMix(seed: seed)
        estimator = BandwidthEstimator(settings: settings)
        pacer = Pacer(rate: Double(settings.startBitrate))
        fallbackSSRC = SSRC(rawValue: .random(in: 1 ... .max, using: &generator))
    }

    // MARK: Streams

    /// Adds the stream of an m-line, or changes it: a stream whose SSRC stays keeps its numbers and counts.
    package mutating func setSender(_ configuration: RTPSenderConfiguration, now: MonotonicInstant) {
        if let index = senders.firstIndex(where: { $0.configuration.mid == configuration.mid }) {
            let old = senders[index].configuration
            senders[index].configure(configuration)
            guard old.ssrc != configuration.ssrc else { return }
            pacer.remove(old.ssrc, rtx: old.rtxSSRC)
            sayGoodbye([old.ssrc])
        } else {
            let start = RTPStart.random(using: &generator).sequenceNumber
            senders.append(SenderStream(configuration, rtxStart: start))
        }
    }

    /// Ends the stream of an m-line, and tells the far side.
    package mutating func removeSender(mid: String, now: MonotonicInstant) {
        guard let index = senders.firstIndex(where: { $0.configuration.mid == mid }) else { return }
        let sender = senders.remove(at: index)
        pacer.remove(sender.ssrc, rtx: sender.configuration.rtxSSRC)
        if sender.statistics.packets > 0 { sayGoodbye([sender.ssrc]) }
    }

    /// Adds what is received on an m-line, or changes it: streams that stay keep their counts.
    package mutating func setReceiver(_ configuration: RTPReceiverConfiguration) {
        if let index = lines.firstIndex(where: { $0.mid == configuration.mid }) {
            // What signalling names no more has ended; what it never named goes on.
            let ended = Set(lines[index].ssrcs).subtracting(configuration.ssrcs)
            streams.removeAll { $0.mid == configuration.mid && ended.contains($0.ssrc) }
            lines[index] = configuration
            for stream in streams.indices where streams[stream].mid == configuration.mid {
                streams[stream].repairs = configuration.feedback.nack
                streams[stream].usesRTX = configuration.usesRTX
            }
        } else {
            lines.append(configuration)
        }
        linesChanged()
    }

    package mutating func removeReceiver(mid: String) {
        lines.removeAll { $0.mid == mid }
        streams.removeAll { $0.mid == mid }
        linesChanged()
    }

    /// Whether the far side takes feedback without a report before it; see ``Settings/allowsReducedSize``.
    package mutating func setReducedSize(_ isAllowed: Bool) { settings.allowsReducedSize = isAllowed }

    // MARK: Time

    /// When ``handleTimeout(now:)`` is to be called, nil for not at all. It changes with every call.
    package var deadline: MonotonicInstant? {
        var deadline = earlier(earlier(feedbackAt, reportAt), earlier(estimator.deadline, pacerDeadline))
        for stream in streams { deadline = earlier(deadline, stream.repairDeadline) }
        return deadline
    }

    /// Does what is due. To be called at ``deadline`` or later; earlier does nothing.
    package mutating func handleTimeout(now: MonotonicInstant) {
        sendRepairRequests(now: now)
        if let feedbackAt, feedbackAt <= now { sendFeedback(now: now) }
        if let reportAt, reportAt <= now { sendReport(now: now) }
        estimator.handleTimeout(now: now)
        estimateChanged(now: now)
        pace(now: now)
    }

    /// What is to be done next; nil when all is.
    package mutating func nextAction() -> Action? { actions.removeFirst() }

    package var statistics: RTPTransportStatistics {
        var statistics = RTPTransportStatistics(
            estimate: BandwidthEstimate(
                bitsPerSecond: Int(estimator.target), lossFraction: estimator.lossFraction, roundTrip: roundTrip))
        statistics.senders = senders.map(\.statistics)
        statistics.receivers = streams.map(\.currentStatistics)
        statistics.roundTrip = roundTrip
        statistics.pacerBytes = pacer.queuedBytes
        statistics.unknownStreamPackets = unknownStreamPackets
        statistics.malformedRTCP = malformedRTCP
        return statistics
    }

    /// The round trip, or what is likely before one is known.
    var likelyRoundTrip: Duration { roundTrip ?? estimator.roundTrip ?? .milliseconds(100) }

    func earlier(_ a: MonotonicInstant?, _ b: MonotonicInstant?) -> MonotonicInstant? {
        guard let a, let b else { return a ?? b }
        return min(a, b)
    }
}
