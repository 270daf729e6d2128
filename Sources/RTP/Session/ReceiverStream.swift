import Media

/// A stream that is received.
struct ReceiverStream: Sendable {
    let ssrc: SSRC
    let mid: String
    let kind: RTPMediaKind
    let clockRate: Int32
    /// Whether lost packets are asked for again.
    var repairs: Bool
    var statistics: RTPReceiverStatistics
    /// Whether retransmissions come as a stream of their own (RFC 4588).
    var usesRTX: Bool
    private(set) var lastPacketAt: MonotonicInstant
    /// Something came since the last report.
    private(set) var hasNews = false
    /// As reported last, in 256ths.
    private var fractionLost: UInt8 = 0

    private var receiver: RTPReceiver
    private var extender = SequenceExtender()
    /// The first packet since the stream (re)started, and how many have come from it on.
    private var firstCount: Int64?
    private var inRange: Int64 = 0
    /// Lost before the last restart.
    private var lostBefore: Int64 = 0
    private var seen = SeenPackets()
    private var missing: MissingPackets
    private var lastReport: (middle: UInt32, at: MonotonicInstant)?
    private var nextIntraRequest: UInt8 = 0

    init(ssrc: SSRC, line: RTPReceiverConfiguration, clockRate: Int32, now: MonotonicInstant) {
        self.ssrc = ssrc
        mid = line.mid
        kind = line.kind
        self.clockRate = clockRate
        repairs = line.feedback.nack
        usesRTX = line.usesRTX
        statistics = RTPReceiverStatistics(mid: line.mid, ssrc: ssrc)
        receiver = RTPReceiver(clockRate: clockRate)
        missing = MissingPackets(kind: line.kind)
        lastPacketAt = now
    }

    /// Takes note of a packet.
    /// - `isRepair`: it came as a retransmission, unwrapped.
    /// - Returns: whether it is to be given out.
    mutating func receive(
        _ packet: RTPPacket, isRepair: Bool, roundTrip: Duration, now: MonotonicInstant
    ) -> Bool {
        var count = extender.extended(packet.sequenceNumber)
        let isNear = extender.highest.map { abs($0 - count) < SeenPackets.window } ?? true
        guard !isNear || !seen.contains(count) else {
            statistics.duplicates += 1
            return false
        }
        // A retransmission says nothing about the way of the packet it repeats: loss and jitter are those of the way.
        if isRepair || !usesRTX && repairs && missing.isRequested(count) {
            guard isNear else { return false }
        } else {
            switch receiver.receive(packet.sequenceNumber, packet.timestamp, at: now) {
            case .accepted: break
            case .rejected: return false
            case .restarted:
                restart()
                count = extender.extended(packet.sequenceNumber)
            }
        }
        let arrival = missing.remove(
            count, isRepair: isRepair || usesRTX ? isRepair : nil, roundTrip: roundTrip, now: now)
        if arrival == .recovered { statistics.recovered += 1 }
        note(packet, count, now: now)
        return true
    }

    private mutating func note(_ packet: RTPPacket, _ count: Int64, now: MonotonicInstant) {
        if repairs, let highest = extender.highest, count > highest + 1 {
            missing.notice(highest + 1..<count, now: now)
        }
        _ = extender.extend(packet.sequenceNumber)
        let first = firstCount ?? count
        firstCount = first
        // What was sent before the stream was joined may come as a retransmission.
        if count >= first { inRange += 1 }
        seen.insert(count)
        statistics.packets += 1
        statistics.payloadBytes += Int64(packet.payload.count)
        lastPacketAt = now
        hasNews = true
    }

    private mutating func restart() {
        lostBefore += lost
        inRange = 0
        extender = SequenceExtender()
        firstCount = nil
        seen.reset()
        missing.reset()
    }

    // MARK: Repair

    var repairDeadline: MonotonicInstant? { repairs ? missing.deadline : nil }

    mutating func takeRequests(now: MonotonicInstant, roundTrip: Duration) -> [SequenceNumber] {
        guard repairs else { return [] }
        let numbers = missing.takeDue(now: now, roundTrip: roundTrip)
        guard !numbers.isEmpty else { return [] }
        statistics.nackMessages += 1
        statistics.nackedPackets += Int64(numbers.count)
        return numbers
    }

    mutating func takeIntraRequestNumber() -> UInt8 {
        defer { nextIntraRequest &+= 1 }
        return nextIntraRequest
    }

    // MARK: Reports

    mutating func note(_ report: RTCPSenderReport, now: MonotonicInstant) { lastReport = (report.time.middle, now) }

    mutating func takeReportBlock(now: MonotonicInstant) -> RTCPReportBlock {
        hasNews = false
        fractionLost = receiver.takeFractionLost()
        return reportBlock(now: now)
    }

    /// What the last report told of loss, with all else as it is now: for a report that only says which stream feedback
    /// is about.
    func reportBlock(now: MonotonicInstant) -> RTCPReportBlock {
        var block = RTCPReportBlock(ssrc: ssrc)
        block.fractionLost = fractionLost
        block.lost = Int32(clamping: receiver.lost)
        block.highestSequence = receiver.extendedHighest
        block.jitter = UInt32(clamping: receiver.jitter.ticks)
        if let lastReport {
            block.lastReport = lastReport.middle
            block.delaySinceLastReport = UInt32(clamping: (now - lastReport.at).nanoseconds / 1000 * 65_536 / 1_000_000)
        }
        return block
    }

    private var lost: Int64 {
        guard let highest = extender.highest, let firstCount else { return 0 }
        return max(0, highest - firstCount + 1 - inRange)
    }

    /// The counts as of now.
    var currentStatistics: RTPReceiverStatistics {
        var statistics = statistics
        statistics.jitter = receiver.jitter.duration
        statistics.lost = lostBefore + lost
        statistics.lastPacketAt = lastPacketAt.nanoseconds
        return statistics
    }
}
