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
        /// Somebody else uses our SSRC (RFC 3550 §8.2): the stream goes on under another.
        case collided(SSRC, replacement: SSRC, mid: String)
    }

    package struct Settings: Sendable, Hashable {
        /// Whether feedback may go without a report before it (`a=rtcp-rsize`, RFC 5506).
        package var allowsReducedSize = true
        /// The largest RTCP datagram; room for SRTCP and TURN is left to an MTU of 1,280.
        package var maximumRTCPBytes = 1180
        /// The link is taken for this before anything is known of it, in bits a second.
        package var startBitrate = 300_000
        package var minimumBitrate = 30_000
        package var maximumBitrate = 10_000_000
        /// Between reports, without and with video (RFC 3550 §6.2's reduced minimum, as browsers have it).
        package var audioReportInterval = Duration.seconds(1)
        package var videoReportInterval = Duration.milliseconds(500)
        /// Between messages of transport-wide feedback.
        package var feedbackInterval = Duration.milliseconds(50)

        package init() {}
    }

    /// The id under which packets between a pipeline and this transport carry their audio level.
    package static let audioLevelID: UInt8 = 1

    let settings: Settings
    let cname: String
    var senders: [SenderStream] = []
    var lines: [RTPReceiverConfiguration] = []
    var streams: [ReceiverStream] = []
    var actions = ActionQueue()
    var unknownStreamPackets: Int64 = 0
    var malformedRTCP: Int64 = 0

    /// - `cname`: names this end in SDES, at most 255 bytes of UTF-8.
    /// - `seed`: of the random numbers that RFC 3550 asks for.
    package init(cname: String, settings: Settings = Settings(), seed: UInt64) {
        self.cname = cname
        self.settings = settings
    }

    // MARK: Streams

    /// Adds the stream of an m-line, or changes it: a stream whose SSRC stays keeps its numbers and counts.
    package mutating func setSender(_ configuration: RTPSenderConfiguration, now: MonotonicInstant) {
        if let index = senders.firstIndex(where: { $0.configuration.mid == configuration.mid }) {
            senders[index].configure(configuration)
        } else {
            senders.append(SenderStream(configuration))
        }
    }

    /// Ends the stream of an m-line, and tells the far side.
    package mutating func removeSender(mid: String, now: MonotonicInstant) {
        senders.removeAll { $0.configuration.mid == mid }
    }

    /// Adds what is received on an m-line, or changes it: streams that stay keep their counts.
    package mutating func setReceiver(_ configuration: RTPReceiverConfiguration) {
        if let index = lines.firstIndex(where: { $0.mid == configuration.mid }) {
            lines[index] = configuration
        } else {
            lines.append(configuration)
        }
    }

    package mutating func removeReceiver(mid: String) {
        lines.removeAll { $0.mid == mid }
        streams.removeAll { $0.mid == mid }
    }

    // MARK: Packets

    /// Sends a packet of a pipeline on an m-line: sound at once, pictures when the pacer says.
    ///
    /// Payload type and SSRC become those negotiated. Where the packets' own SSRC changes (a forwarder's source does), the
    /// stream's numbers and timestamps go on without a jump.
    package mutating func send(_ packet: RTPPacket, mid: String, now: MonotonicInstant) {
        guard let index = senders.firstIndex(where: { $0.configuration.mid == mid }) else { return }
        actions.append(.sendRTP(senders[index].prepare(packet, now: now)))
    }

    /// Takes in a packet from the wire.
    package mutating func receive(_ packet: RTPPacket, now: MonotonicInstant) {
        guard let line = lines.first(where: { $0.ssrcs.contains(packet.ssrc) }) ?? line(by: packet) else {
            unknownStreamPackets += 1
            return
        }
        actions.append(.deliver(packet, mid: line.mid))
    }

    /// Takes in an RTCP datagram; any bytes are safe.
    package mutating func receive(rtcp bytes: Span<UInt8>, now: MonotonicInstant) {}

    /// Asks the far side for a keyframe.
    package mutating func requestKeyframe(mid: String, now: MonotonicInstant) {}

    /// Says goodbye for all streams (RFC 3550 §6.6): the last thing that is sent.
    package mutating func close(now: MonotonicInstant) {}

    /// When ``handleTimeout(now:)`` is to be called, nil for not at all. It changes with every call.
    package var deadline: MonotonicInstant? { nil }

    package mutating func handleTimeout(now: MonotonicInstant) {}

    package mutating func nextAction() -> Action? { actions.removeFirst() }

    package var statistics: RTPTransportStatistics {
        RTPTransportStatistics(
            estimate: BandwidthEstimate(bitsPerSecond: settings.startBitrate, lossFraction: 0, roundTrip: nil))
    }

    private func line(by packet: RTPPacket) -> RTPReceiverConfiguration? {
        lines.first { line in
            if let id = line.extensions.mid, let mid = packet.extensions[id] { return mid.elementsEqual(line.mid.utf8) }
            return line.codecs.contains { $0.payloadType == packet.payloadType }
        }
    }
}
