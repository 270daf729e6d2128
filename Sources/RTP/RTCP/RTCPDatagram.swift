/// What was in an RTCP datagram: one packet after another (RFC 3550 §6.1), or a single one (RFC 5506).
package struct RTCPDatagram: Sendable, Hashable {
    package var packets: [RTCPPacket] = []
    /// Packets that do not hold what their kind requires, and the rest after a length that is none.
    package var malformed = 0

    /// Reads a datagram; any bytes are safe.
    package init(parsing bytes: Span<UInt8>) {
        var offset = 0
        while offset < bytes.count {
            guard let packet = RTCPFrame(bytes, at: offset) else {
                malformed += 1
                return
            }
            if let parsed = packet.parse(bytes) { packets.append(parsed) } else { malformed += 1 }
            offset = packet.end
        }
    }
}

/// Where a packet lies in its datagram: its header is valid.
private struct RTCPFrame {
    let type: UInt8
    let count: UInt8
    /// What follows the first word, without padding.
    let body: Range<Int>
    let end: Int

    init?(_ bytes: Span<UInt8>, at offset: Int) {
        guard bytes.count - offset >= 4, bytes[offset] >> 6 == 2 else { return nil }
        type = bytes[offset + 1]
        count = bytes[offset] & 0x1F
        end = offset + 4 * (Int(bytes.uint16(at: offset + 2)) + 1)
        guard end <= bytes.count else { return nil }
        // Only the last packet may be padded (RFC 3550 §6.4.1); some senders pad others, and it can be read all the same.
        let padding = bytes[offset] & 0x20 == 0 ? 0 : Int(bytes[end - 1])
        guard padding <= end - offset - 4, bytes[offset] & 0x20 == 0 || padding > 0 else { return nil }
        body = offset + 4..<end - padding
    }

    func parse(_ bytes: Span<UInt8>) -> RTCPPacket? {
        let body = bytes.extracting(body)
        return switch type {
        case RTCPPacket.PacketType.senderReport: senderReport(body)
        case RTCPPacket.PacketType.receiverReport: receiverReport(body)
        case RTCPPacket.PacketType.sourceDescription: sourceDescription(body)
        case RTCPPacket.PacketType.goodbye: goodbye(body)
        case RTCPPacket.PacketType.transportLayerFeedback: transportLayerFeedback(body)
        case RTCPPacket.PacketType.payloadFeedback: payloadFeedback(body)
        default: .unknown(type: type, count: count, body: [UInt8](copying: body))
        }
    }

    private func senderReport(_ body: Span<UInt8>) -> RTCPPacket? {
        guard body.count >= 24 + RTCPReportBlock.byteCount * Int(count) else { return nil }
        return .senderReport(
            RTCPSenderReport(
                ssrc: SSRC(rawValue: body.uint32(at: 0)),
                time: NTPTimestamp(rawValue: UInt64(body.uint32(at: 4)) << 32 | UInt64(body.uint32(at: 8))),
                timestamp: RTPTimestamp(rawValue: body.uint32(at: 12)), packets: body.uint32(at: 16),
                payloadBytes: body.uint32(at: 20), blocks: blocks(body, from: 24)))
    }

    private func receiverReport(_ body: Span<UInt8>) -> RTCPPacket? {
        guard body.count >= 4 + RTCPReportBlock.byteCount * Int(count) else { return nil }
        return .receiverReport(sender: SSRC(rawValue: body.uint32(at: 0)), blocks: blocks(body, from: 4))
    }

    private func blocks(_ body: Span<UInt8>, from start: Int) -> [RTCPReportBlock] {
        var blocks: [RTCPReportBlock] = []
        for index in 0..<Int(count) {
            blocks.append(RTCPReportBlock(parsing: body, at: start + RTCPReportBlock.byteCount * index))
        }
        return blocks
    }

    private func sourceDescription(_ body: Span<UInt8>) -> RTCPPacket? {
        var sources: [RTCPSourceDescription] = []
        var offset = 0
        for _ in 0..<count {
            guard body.count - offset >= 4 else { return nil }
            var source = RTCPSourceDescription(ssrc: SSRC(rawValue: body.uint32(at: offset)), cname: nil)
            offset += 4
            // Items up to one of type 0, then up to the next word (RFC 3550 §6.5).
            while offset < body.count, body[offset] != 0 {
                guard offset + 2 <= body.count, offset + 2 + Int(body[offset + 1]) <= body.count else { return nil }
                let end = offset + 2 + Int(body[offset + 1])
                if body[offset] == 1 { source.cname = string(body, offset + 2..<end) }
                offset = end
            }
            offset = (offset + 4) & ~3
            guard offset <= body.count else { return nil }
            sources.append(source)
        }
        return .sourceDescription(sources)
    }

    private func goodbye(_ body: Span<UInt8>) -> RTCPPacket? {
        let end = 4 * Int(count)
        guard body.count >= end else { return nil }
        let ssrcs = (0..<Int(count)).map { SSRC(rawValue: body.uint32(at: 4 * $0)) }
        guard body.count > end else { return .goodbye(ssrcs, reason: nil) }
        let reasonEnd = end + 1 + Int(body[end])
        guard reasonEnd <= body.count else { return nil }
        return .goodbye(ssrcs, reason: string(body, end + 1..<reasonEnd))
    }

    private func string(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
        String(decoding: [UInt8](copying: bytes.extracting(range)), as: UTF8.self)
    }

    private func transportLayerFeedback(_ body: Span<UInt8>) -> RTCPPacket? {
        guard body.count >= 8 else { return nil }
        let (sender, media) = (SSRC(rawValue: body.uint32(at: 0)), SSRC(rawValue: body.uint32(at: 4)))
        return switch count {
        case RTCPPacket.Format.nack: .nack(sender: sender, media: media, nackedNumbers(body))
        case RTCPPacket.Format.transportFeedback:
            TransportFeedback(parsing: body).map { .transportFeedback($0) }
        default: unknown(body)
        }
    }

    private func nackedNumbers(_ body: Span<UInt8>) -> [SequenceNumber] {
        var numbers: [SequenceNumber] = []
        for offset in stride(from: 8, through: body.count - 4, by: 4) {
            let first = SequenceNumber(rawValue: body.uint16(at: offset))
            let following = body.uint16(at: offset + 2)
            numbers.append(first)
            for bit in 0..<16 where following >> UInt16(bit) & 1 == 1 { numbers.append(first + bit + 1) }
        }
        return numbers
    }

    private func payloadFeedback(_ body: Span<UInt8>) -> RTCPPacket? {
        guard body.count >= 8 else { return nil }
        let (sender, media) = (SSRC(rawValue: body.uint32(at: 0)), SSRC(rawValue: body.uint32(at: 4)))
        return switch count {
        case RTCPPacket.Format.pictureLoss: .pictureLoss(sender: sender, media: media)
        case RTCPPacket.Format.fullIntraRequest: .fullIntraRequest(sender: sender, intraRequests(body))
        case RTCPPacket.Format.applicationLayer: remb(body, sender)
        default: unknown(body)
        }
    }

    private func intraRequests(_ body: Span<UInt8>) -> [RTCPIntraRequest] {
        var requests: [RTCPIntraRequest] = []
        for offset in stride(from: 8, through: body.count - 8, by: 8) {
            requests.append(
                RTCPIntraRequest(ssrc: SSRC(rawValue: body.uint32(at: offset)), number: body[offset + 4]))
        }
        return requests
    }

    private func remb(_ body: Span<UInt8>, _ sender: SSRC) -> RTCPPacket? {
        // "REMB"; other messages of the application layer are not ours to read.
        guard body.count >= 16, body.uint32(at: 8) == 0x5245_4D42 else { return unknown(body) }
        let count = Int(body[12])
        guard body.count >= 16 + 4 * count else { return nil }
        let exponent = UInt64(body[13] >> 2)
        let mantissa = UInt64(body[13] & 3) << 16 | UInt64(body.uint16(at: 14))
        let isTooLarge = mantissa != 0 && exponent > UInt64(mantissa.leadingZeroBitCount)
        let ssrcs = (0..<count).map { SSRC(rawValue: body.uint32(at: 16 + 4 * $0)) }
        return .remb(sender: sender, bitsPerSecond: isTooLarge ? .max : mantissa << exponent, ssrcs)
    }

    private func unknown(_ body: Span<UInt8>) -> RTCPPacket {
        .unknown(type: type, count: count, body: [UInt8](copying: body))
    }
}
