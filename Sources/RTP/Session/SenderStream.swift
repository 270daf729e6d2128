import Media

/// A stream that is sent.
struct SenderStream: Sendable {
    private(set) var configuration: RTPSenderConfiguration
    var statistics: RTPSenderStatistics
    private var midBytes: [UInt8]
    private var streamIDBytes: [UInt8]
    private var renumbering = Renumbering()
    private var history: PacketHistory?
    private var nextRTXNumber: SequenceNumber
    /// The far side has reported on the stream: it needs no name any more.
    private var isKnown = false
    private var lastBlock: RTCPReportBlock?
    private var lastIntraRequest: UInt8?
    private var lastKeyframeRequestAt: MonotonicInstant?
    /// The newest packet that went on the wire.
    private var last: (timestamp: RTPTimestamp, at: MonotonicInstant)?
    /// Something went on the wire since the last report.
    private(set) var hasNews = false

    /// - `rtxStart`: the first number of the retransmissions.
    init(_ configuration: RTPSenderConfiguration, rtxStart: SequenceNumber) {
        self.configuration = configuration
        statistics = RTPSenderStatistics(mid: configuration.mid, ssrc: configuration.ssrc)
        nextRTXNumber = rtxStart
        midBytes = Array(configuration.mid.utf8)
        streamIDBytes = Array((configuration.streamID ?? "").utf8)
        history = configuration.feedback.nack ? PacketHistory() : nil
    }

    var ssrc: SSRC { configuration.ssrc }
    var hasSent: Bool { last != nil }
    var usesRTX: Bool { configuration.rtxSSRC != nil && configuration.rtxPayloadType != nil }

    mutating func configure(_ configuration: RTPSenderConfiguration) {
        let isOther = configuration.ssrc != self.configuration.ssrc
        self.configuration = configuration
        streamIDBytes = Array((configuration.streamID ?? "").utf8)
        if configuration.feedback.nack != (history != nil) || isOther {
            history = configuration.feedback.nack ? PacketHistory() : nil
        }
        guard isOther else { return }
        isKnown = false
        last = nil
        statistics = RTPSenderStatistics(mid: configuration.mid, ssrc: configuration.ssrc)
    }

    /// The packet as it goes on the wire, but for what is stamped when it goes.
    mutating func prepare(_ packet: RTPPacket, now: MonotonicInstant) -> OutgoingPacket {
        var packet = packet
        renumbering.apply(to: &packet, clockRate: configuration.clockRate, now: now)
        packet.payloadType = configuration.payloadType
        packet.ssrc = configuration.ssrc
        var stamps = stamps
        stamps.audioLevel = packet.extensions[RTPTransport.audioLevelID]?.first
        return OutgoingPacket(packet: packet, stamps: stamps)
    }

    /// Takes note that a packet goes on the wire for the first time.
    mutating func noteSent(_ packet: RTPPacket, now: MonotonicInstant) {
        history?.insert(packet, now: now)
        statistics.packets += 1
        statistics.payloadBytes += Int64(packet.payload.count)
        last = (packet.timestamp, now)
        hasNews = true
    }

    // MARK: Repair

    /// The answer to a request for a packet, or nil.
    mutating func retransmission(
        _ number: SequenceNumber, now: MonotonicInstant, roundTrip: Duration
    ) -> OutgoingPacket? {
        guard case .packet(let packet) = history?.answer(number, now: now, roundTrip: roundTrip) else {
            statistics.notRetransmitted += 1
            return nil
        }
        statistics.retransmitted += 1
        return repeated(packet)
    }

    /// A packet for a probe: one that was sent already, or padding; nil where no stream of retransmissions takes it.
    mutating func filler(bytes: Int) -> OutgoingPacket? {
        guard let rtxSSRC = configuration.rtxSSRC, let rtxPayloadType = configuration.rtxPayloadType, let last else {
            return nil
        }
        if let packet = history?.filler(maximumBytes: bytes) { return repeated(packet) }
        let padding = RTPPacket(
            payloadType: rtxPayloadType, sequenceNumber: takeRTXNumber(), timestamp: last.timestamp, ssrc: rtxSSRC,
            payload: [], paddingCount: UInt8(max(1, min(bytes, 224))))
        return OutgoingPacket(packet: padding, isRepair: true, stamps: stamps)
    }

    private mutating func repeated(_ packet: RTPPacket) -> OutgoingPacket {
        var stamps = stamps
        stamps.audioLevel = packet.extensions[RTPTransport.audioLevelID]?.first
        guard let rtxSSRC = configuration.rtxSSRC, let rtxPayloadType = configuration.rtxPayloadType else {
            return OutgoingPacket(packet: packet, isRepair: true, stamps: stamps)
        }
        stamps.isRepair = true
        var rtx = packet
        rtx.payloadType = rtxPayloadType
        rtx.ssrc = rtxSSRC
        rtx.sequenceNumber = takeRTXNumber()
        return OutgoingPacket(
            packet: rtx, originalSequenceNumber: packet.sequenceNumber, isRepair: true, stamps: stamps)
    }

    private mutating func takeRTXNumber() -> SequenceNumber {
        defer { nextRTXNumber = nextRTXNumber + 1 }
        return nextRTXNumber
    }

    private var stamps: HeaderStamps {
        var stamps = HeaderStamps(ids: configuration.extensions)
        if !isKnown {
            stamps.mid = midBytes
            stamps.streamID = streamIDBytes
        }
        return stamps
    }

    // MARK: Feedback

    /// - Returns: what was lost of what since the report before; nil for the first.
    mutating func note(_ block: RTCPReportBlock, roundTrip: Duration?) -> (lost: Int, total: Int)? {
        isKnown = true
        defer { lastBlock = block }
        statistics.remoteFractionLost = Double(block.fractionLost) / 256
        statistics.remoteLost = Int64(block.lost)
        statistics.remoteJitter =
            MediaTime(ticks: Int64(block.jitter), rate: configuration.clockRate).duration
        if let roundTrip { statistics.roundTrip = roundTrip }
        guard let lastBlock else { return nil }
        let total = Int(Int32(bitPattern: block.highestSequence &- lastBlock.highestSequence))
        guard total > 0 else { return nil }
        return (min(total, max(0, Int(block.lost) - Int(lastBlock.lost))), total)
    }

    /// Whether a request for a keyframe is worth acting on.
    /// - `number`: of a FIR; the same again is the same request (RFC 5104 §4.3.1.1).
    mutating func isNewKeyframeRequest(number: UInt8?, now: MonotonicInstant) -> Bool {
        statistics.keyframeRequests += 1
        if let number, number == lastIntraRequest { return false }
        if let number { lastIntraRequest = number }
        // One is on its way: a second would cost more than it mends.
        if let lastKeyframeRequestAt, now - lastKeyframeRequestAt < Self.keyframeInterval { return false }
        lastKeyframeRequestAt = now
        return true
    }

    // MARK: Reports

    /// A report of what was sent; nil before the first packet.
    mutating func takeReport(now: MonotonicInstant, time: NTPTimestamp) -> RTCPSenderReport? {
        guard let last else { return nil }
        hasNews = false
        let elapsed = (now - last.at).nanoseconds / 1000 * Int64(configuration.clockRate) / 1_000_000
        return RTCPSenderReport(
            ssrc: ssrc, time: time, timestamp: last.timestamp + Int(elapsed),
            packets: UInt32(truncatingIfNeeded: statistics.packets),
            payloadBytes: UInt32(truncatingIfNeeded: statistics.payloadBytes))
    }

    private static let keyframeInterval = Duration.milliseconds(100)
}
