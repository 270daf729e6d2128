package import Media

extension RTPTransport {
    /// Sends a packet of a pipeline on an m-line: sound at once, pictures when the pacer says.
    ///
    /// Payload type and SSRC become those negotiated. Where the packets' own SSRC changes (a forwarder's source does), the
    /// stream's numbers and timestamps go on without a jump.
    package mutating func send(_ packet: RTPPacket, mid: String, now: MonotonicInstant) {
        guard let index = senders.firstIndex(where: { $0.configuration.mid == mid }) else { return }
        let outgoing = senders[index].prepare(packet, now: now)
        transmit(outgoing, sender: index, isFirst: true, now: now)
    }

    /// Answers a request for packets.
    mutating func resend(_ numbers: [SequenceNumber], of ssrc: SSRC, now: MonotonicInstant) {
        guard let index = senders.firstIndex(where: { $0.ssrc == ssrc }) else { return }
        for number in numbers {
            guard let packet = senders[index].retransmission(number, now: now, roundTrip: likelyRoundTrip) else {
                continue
            }
            transmit(packet, sender: index, isFirst: false, now: now)
        }
    }

    /// Puts a packet on the wire.
    /// - `isFirst`: it was not sent before.
    private mutating func transmit(_ packet: OutgoingPacket, sender: Int, isFirst: Bool, now: MonotonicInstant) {
        var packet = packet
        if packet.stamps.ids.absoluteSendTime != nil {
            // Seconds in 6.18: they wrap after 64 s.
            let (seconds, rest) = now.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
            packet.stamps.absoluteSendTime =
                UInt32(truncatingIfNeeded: seconds << 18 | rest << 18 / 1_000_000_000) & 0xFF_FFFF
        }
        if isFirst {
            senders[sender].noteSent(packet.packet, now: now)
            startReports(now: now)
        }
        actions.append(.sendRTP(packet))
    }

    /// Goes on under another SSRC, since somebody else uses ours (RFC 3550 §8.2).
    mutating func replaceSSRC(sender index: Int, now: MonotonicInstant) {
        var configuration = senders[index].configuration
        let old = configuration.ssrc
        configuration.ssrc = SSRC(rawValue: .random(in: 1 ... .max, using: &generator))
        senders[index].configure(configuration)
        sayGoodbye([old])
        actions.append(.collided(old, replacement: configuration.ssrc, mid: configuration.mid))
    }
}
