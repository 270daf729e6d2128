package import Media

// What RTCP says.

extension RTPTransport {
    /// Says goodbye for all streams (RFC 3550 §6.6): the last thing that is sent.
    package mutating func close(now: MonotonicInstant) {
        let ssrcs = senders.filter { $0.statistics.packets > 0 }.map(\.ssrc)
        if !ssrcs.isEmpty { sayGoodbye(ssrcs) }
        reportAt = nil
        feedbackAt = nil
    }

    /// Names us in RTCP.
    var ownSSRC: SSRC { senders.first?.ssrc ?? fallbackSSRC }

    /// The first report goes with the first packet: the far side then knows our clock and name, and the round trip.
    mutating func startReports(now: MonotonicInstant) {
        if reportAt == nil { reportAt = now }
    }

    mutating func sendReport(now: MonotonicInstant) {
        var writer = RTCPWriter(maximumBytes: settings.maximumRTCPBytes)
        writeReports(to: &writer, now: now)
        actions.append(.sendRTCP(writer.bytes))
        let interval = hasVideo ? settings.videoReportInterval : settings.audioReportInterval
        // Spread, so that many do not report at once (RFC 3550 §6.2).
        reportAt = now + interval * Int.random(in: 75...125, using: &generator) / 100
    }

    /// Sends feedback at once, after a report where it must not go alone.
    /// - `media`: the stream that it is about. It is named by a report in front: Janus 1.1 finds the m-line of RTCP by
    ///   the sender's SSRC, which it does not know of somebody who only receives, else by the first report block.
    mutating func sendFeedback(_ packets: [RTCPPacket], about media: SSRC? = nil, now: MonotonicInstant) {
        var writer = RTCPWriter(maximumBytes: settings.maximumRTCPBytes)
        if let stream = media.flatMap({ streamIndex[$0] }) {
            _ = writer.append(.receiverReport(sender: ownSSRC, blocks: [streams[stream].reportBlock(now: now)]))
        }
        if !settings.allowsReducedSize { writeReports(to: &writer, now: now) }
        var isEmpty = true
        for packet in packets where writer.append(packet) { isEmpty = false }
        if !isEmpty { actions.append(.sendRTCP(writer.bytes)) }
    }

    mutating func sayGoodbye(_ ssrcs: [SSRC]) {
        var writer = RTCPWriter(maximumBytes: settings.maximumRTCPBytes)
        // A compound packet begins with a report (RFC 3550 §6.1).
        _ = writer.append(.receiverReport(sender: ssrcs.first ?? ownSSRC, blocks: []))
        _ = writer.append(.sourceDescription([RTCPSourceDescription(ssrc: ssrcs.first ?? ownSSRC, cname: cname)]))
        _ = writer.append(.goodbye(Array(ssrcs.prefix(31)), reason: nil))
        actions.append(.sendRTCP(writer.bytes))
    }

    /// Asks for the packets that are due.
    mutating func sendRepairRequests(now: MonotonicInstant) {
        for index in streams.indices {
            guard let deadline = streams[index].repairDeadline, deadline <= now else { continue }
            let numbers = streams[index].takeRequests(now: now, roundTrip: likelyRoundTrip)
            guard !numbers.isEmpty else { continue }
            let media = streams[index].ssrc
            sendFeedback([.nack(sender: ownSSRC, media: media, numbers)], about: media, now: now)
        }
    }

    /// Tells when packets arrived.
    mutating func sendFeedback(now: MonotonicInstant) {
        feedbackAt = nil
        let media = streams.last?.ssrc ?? 0
        while let feedback = arrivals.takeFeedback(sender: ownSSRC, media: media) {
            sendFeedback([.transportFeedback(feedback)], now: now)
        }
    }

    /// Short at first: what the far side begins with depends on it.
    var feedbackInterval: Duration {
        if arrivals.messages < 10 { return settings.firstFeedbackInterval }
        return streams.contains { $0.kind == .video } ? settings.videoFeedbackInterval : settings.audioFeedbackInterval
    }

    private var hasVideo: Bool {
        senders.contains { $0.configuration.kind == .video } || lines.contains { $0.kind == .video }
    }

    /// A report of each stream that is sent, blocks of those that are received, and our name.
    private mutating func writeReports(to writer: inout RTCPWriter, now: MonotonicInstant) {
        var blocks: [RTCPReportBlock] = []
        for index in streams.indices where streams[index].hasNews {
            blocks.append(streams[index].takeReportBlock(now: now))
        }
        let time = NTPTimestamp(nanosecondsSince1970: now.nanoseconds &+ settings.wallClockOffset)
        var rest = blocks[...]
        var ssrcs: [SSRC] = []
        for index in senders.indices where senders[index].hasNews {
            guard var report = senders[index].takeReport(now: now, time: time) else { continue }
            report.blocks = Array(rest.prefix(Self.blocksPerReport))
            rest = rest.dropFirst(Self.blocksPerReport)
            _ = writer.append(.senderReport(report))
            ssrcs.append(report.ssrc)
        }
        if ssrcs.isEmpty || !rest.isEmpty {
            repeat {
                _ = writer.append(.receiverReport(sender: ownSSRC, blocks: Array(rest.prefix(Self.blocksPerReport))))
                rest = rest.dropFirst(Self.blocksPerReport)
            } while !rest.isEmpty
            if ssrcs.isEmpty { ssrcs = [ownSSRC] }
        }
        _ = writer.append(
            .sourceDescription(ssrcs.prefix(31).map { RTCPSourceDescription(ssrc: $0, cname: cname) }))
    }

    /// A report holds 31 at most; fewer leave room for the name in any datagram.
    private static let blocksPerReport = 15
}
