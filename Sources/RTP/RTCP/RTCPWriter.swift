/// Puts RTCP packets into one datagram, no larger than it may be.
package struct RTCPWriter: Sendable {
    package private(set) var bytes: [UInt8] = []
    private let maximumBytes: Int

    /// - `maximumBytes`: of the datagram.
    package init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
        bytes.reserveCapacity(min(maximumBytes, 256))
    }

    /// Adds a packet.
    /// - Returns: false when it does not fit, or has more entries than its kind can count; then nothing is written.
    package mutating func append(_ packet: RTCPPacket) -> Bool {
        let start = bytes.count
        let isValid = write(packet)
        let words = (bytes.count - start) / 4
        guard isValid, bytes.count <= maximumBytes, words <= 65_536 else {
            bytes.removeSubrange(start...)
            return false
        }
        bytes[start + 2] = UInt8(truncatingIfNeeded: (words - 1) >> 8)
        bytes[start + 3] = UInt8(truncatingIfNeeded: words - 1)
        return true
    }

    private mutating func write(_ packet: RTCPPacket) -> Bool {
        switch packet {
        case .senderReport(let report): return write(report)
        case .receiverReport(let sender, let blocks):
            guard begin(RTCPPacket.PacketType.receiverReport, blocks.count) else { return false }
            bytes.append(networkOrder: sender.rawValue)
            for block in blocks { block.write(to: &bytes) }
        case .sourceDescription(let sources): return write(sources)
        case .goodbye(let ssrcs, let reason): return writeGoodbye(ssrcs, reason)
        case .nack(let sender, let media, let numbers):
            beginFeedback(RTCPPacket.PacketType.transportLayerFeedback, RTCPPacket.Format.nack, sender, media)
            write(nacked: numbers)
            return !numbers.isEmpty
        case .pictureLoss(let sender, let media):
            beginFeedback(RTCPPacket.PacketType.payloadFeedback, RTCPPacket.Format.pictureLoss, sender, media)
        case .fullIntraRequest(let sender, let requests):
            beginFeedback(RTCPPacket.PacketType.payloadFeedback, RTCPPacket.Format.fullIntraRequest, sender, 0)
            for request in requests {
                bytes.append(networkOrder: request.ssrc.rawValue)
                bytes += [request.number, 0, 0, 0]
            }
            return !requests.isEmpty
        case .remb(let sender, let bitsPerSecond, let ssrcs): return writeREMB(sender, bitsPerSecond, ssrcs)
        case .transportFeedback(let feedback):
            beginFeedback(
                RTCPPacket.PacketType.transportLayerFeedback, RTCPPacket.Format.transportFeedback, feedback.sender,
                feedback.media)
            return feedback.write(to: &bytes)
        case .unknown(let type, let count, let body):
            guard count < 32, body.count % 4 == 0, begin(type, Int(count)) else { return false }
            bytes += body
        }
        return true
    }

    /// The first word; its length is filled in at the end.
    private mutating func begin(_ type: UInt8, _ count: Int) -> Bool {
        guard count < 32 else { return false }
        bytes += [0x80 | UInt8(count), type, 0, 0]
        return true
    }

    private mutating func beginFeedback(_ type: UInt8, _ format: UInt8, _ sender: SSRC, _ media: SSRC) {
        bytes += [0x80 | format, type, 0, 0]
        bytes.append(networkOrder: sender.rawValue)
        bytes.append(networkOrder: media.rawValue)
    }

    private mutating func write(_ report: RTCPSenderReport) -> Bool {
        guard begin(RTCPPacket.PacketType.senderReport, report.blocks.count) else { return false }
        bytes.append(networkOrder: report.ssrc.rawValue)
        bytes.append(networkOrder: UInt32(truncatingIfNeeded: report.time.rawValue >> 32))
        bytes.append(networkOrder: UInt32(truncatingIfNeeded: report.time.rawValue))
        bytes.append(networkOrder: report.timestamp.rawValue)
        bytes.append(networkOrder: report.packets)
        bytes.append(networkOrder: report.payloadBytes)
        for block in report.blocks { block.write(to: &bytes) }
        return true
    }

    private mutating func write(_ sources: [RTCPSourceDescription]) -> Bool {
        guard begin(RTCPPacket.PacketType.sourceDescription, sources.count) else { return false }
        for source in sources {
            bytes.append(networkOrder: source.ssrc.rawValue)
            if let cname = source.cname {
                guard cname.utf8.count <= 255 else { return false }
                bytes += [1, UInt8(cname.utf8.count)]
                bytes += cname.utf8
            }
            // One zero ends the items, more fill the word.
            repeat { bytes.append(0) } while bytes.count % 4 != 0
        }
        return true
    }

    private mutating func writeGoodbye(_ ssrcs: [SSRC], _ reason: String?) -> Bool {
        guard begin(RTCPPacket.PacketType.goodbye, ssrcs.count) else { return false }
        for ssrc in ssrcs { bytes.append(networkOrder: ssrc.rawValue) }
        if let reason {
            guard reason.utf8.count <= 255 else { return false }
            bytes.append(UInt8(reason.utf8.count))
            bytes += reason.utf8
            while bytes.count % 4 != 0 { bytes.append(0) }
        }
        return true
    }

    /// Each entry stands for a number and any of the sixteen after it (RFC 4585 §6.2.1).
    private mutating func write(nacked numbers: [SequenceNumber]) {
        var index = 0
        while index < numbers.count {
            let first = numbers[index]
            var following: UInt16 = 0
            var last = 0
            index += 1
            while index < numbers.count, (last + 1...16).contains(first.distance(to: numbers[index])) {
                last = first.distance(to: numbers[index])
                following |= 1 << UInt16(last - 1)
                index += 1
                if last == 16 { break }
            }
            bytes.append(networkOrder: UInt32(first.rawValue) << 16 | UInt32(following))
        }
    }

    private mutating func writeREMB(_ sender: SSRC, _ bitsPerSecond: UInt64, _ ssrcs: [SSRC]) -> Bool {
        guard ssrcs.count <= 255 else { return false }
        beginFeedback(RTCPPacket.PacketType.payloadFeedback, RTCPPacket.Format.applicationLayer, sender, 0)
        let exponent = max(0, 64 - bitsPerSecond.leadingZeroBitCount - 18)
        let mantissa = UInt32(bitsPerSecond >> UInt64(exponent))
        bytes.append(networkOrder: 0x5245_4D42 as UInt32)
        bytes.append(networkOrder: UInt32(ssrcs.count) << 24 | UInt32(exponent) << 18 | mantissa)
        for ssrc in ssrcs { bytes.append(networkOrder: ssrc.rawValue) }
        return true
    }
}

extension [UInt8] {
    /// Adds an integer in network byte order.
    mutating func append(networkOrder value: UInt32) {
        append(UInt8(truncatingIfNeeded: value >> 24))
        append(UInt8(truncatingIfNeeded: value >> 16))
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }

    mutating func append(networkOrder value: UInt16) {
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }
}
