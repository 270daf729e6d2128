package import Media

// What RTCP from the far side means.

extension RTPTransport {
    /// Takes in an RTCP datagram; any bytes are safe.
    package mutating func receive(rtcp bytes: Span<UInt8>, now: MonotonicInstant) {
        let datagram = RTCPDatagram(parsing: bytes)
        malformedRTCP += Int64(datagram.malformed)
        for packet in datagram.packets { take(packet, now: now) }
    }

    private mutating func take(_ packet: RTCPPacket, now: MonotonicInstant) {
        switch packet {
        case .senderReport(let report):
            if let index = streamIndex[report.ssrc] { streams[index].note(report, now: now) }
            take(report.blocks, now: now)
        case .receiverReport(_, let blocks): take(blocks, now: now)
        case .goodbye(let ssrcs, _):
            for ssrc in ssrcs { end(ssrc) }
        case .nack(_, let media, let numbers): resend(numbers, of: media, now: now)
        case .pictureLoss(_, let media): keyframeRequested(media, number: nil, now: now)
        case .fullIntraRequest(_, let requests):
            for request in requests { keyframeRequested(request.ssrc, number: request.number, now: now) }
        case .remb(_, let bitsPerSecond, _):
            estimator.receive(remb: bitsPerSecond)
            estimateChanged(now: now)
        case .transportFeedback(let feedback):
            estimator.receive(feedback, roundTrip: likelyRoundTrip, now: now)
            estimateChanged(now: now)
            pace(now: now)
        case .sourceDescription, .unknown: break
        }
    }

    private mutating func take(_ blocks: [RTCPReportBlock], now: MonotonicInstant) {
        let time = NTPTimestamp(nanosecondsSince1970: now.nanoseconds &+ settings.wallClockOffset)
        for block in blocks {
            guard let index = senders.firstIndex(where: { $0.ssrc == block.ssrc }) else { continue }
            let roundTrip = Self.roundTrip(block, at: time)
            if let roundTrip { self.roundTrip = roundTrip }
            if let loss = senders[index].note(block, roundTrip: roundTrip) {
                estimator.receive(lost: loss.lost, total: loss.total, roundTrip: likelyRoundTrip, now: now)
            }
        }
    }

    /// RFC 3550 §6.4.1; nil before the far side has had a report of ours.
    private static func roundTrip(_ block: RTCPReportBlock, at time: NTPTimestamp) -> Duration? {
        guard block.lastReport != 0 else { return nil }
        // The clocks' fractions differ: a way of no length may come out below zero.
        let ticks = Int32(bitPattern: time.middle &- block.lastReport &- block.delaySinceLastReport)
        guard ticks < 60 * 65_536 else { return nil }
        return .nanoseconds(Int64(max(ticks, 0)) * 1_000_000_000 / 65_536)
    }

    private mutating func keyframeRequested(_ ssrc: SSRC, number: UInt8?, now: MonotonicInstant) {
        guard let index = senders.firstIndex(where: { $0.ssrc == ssrc }) else { return }
        guard senders[index].isNewKeyframeRequest(number: number, now: now) else { return }
        actions.append(.keyframeRequested(mid: senders[index].configuration.mid))
    }

    private mutating func end(_ ssrc: SSRC) {
        guard let index = streamIndex[ssrc] else { return }
        let stream = streams.remove(at: index)
        indexStreams()
        actions.append(.ended(ssrc, mid: stream.mid))
    }
}
