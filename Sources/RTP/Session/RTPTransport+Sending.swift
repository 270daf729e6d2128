package import Media

extension RTPTransport {
    /// Sends a packet of a pipeline on an m-line: sound at once, pictures when the pacer says.
    ///
    /// Payload type and SSRC become those negotiated. Where the packets' own SSRC changes (a forwarder's source does), the
    /// stream's numbers and timestamps go on without a jump.
    package mutating func send(_ packet: RTPPacket, mid: String, now: MonotonicInstant) {
        guard let index = senders.firstIndex(where: { $0.configuration.mid == mid }) else { return }
        let outgoing = senders[index].prepare(packet, now: now)
        if senders[index].configuration.kind == .audio {
            transmit(outgoing, sender: index, isPaced: false, now: now)
        } else if pacer.isFull {
            senders[index].statistics.droppedByPacer += 1
        } else {
            pacer.enqueue(outgoing, now: now)
            pace(now: now)
        }
    }

    /// Answers a request for packets: sound at once, pictures before newer ones.
    mutating func resend(_ numbers: [SequenceNumber], of ssrc: SSRC, now: MonotonicInstant) {
        guard let index = senders.firstIndex(where: { $0.ssrc == ssrc }) else { return }
        let isSound = senders[index].configuration.kind == .audio
        for number in numbers where !pacer.isFull {
            guard isSound || repairBudget.isOpen(rate: estimator.target, now: now) else {
                senders[index].statistics.notRetransmitted += 1
                continue
            }
            guard let packet = senders[index].retransmission(number, now: now, roundTrip: likelyRoundTrip) else {
                continue
            }
            if isSound {
                transmit(packet, sender: index, isPaced: false, now: now)
            } else {
                repairBudget.spend(bytes: packet.serializedCount)
                pacer.enqueue(packet, now: now)
            }
        }
        pace(now: now)
    }

    /// Sends what the pacer lets go.
    mutating func pace(now: MonotonicInstant) {
        while pacer.isDue(now: now) {
            if pacer.probe == nil, !pacer.isEmpty || filling != nil, let probe = estimator.takeProbe() {
                pacer.begin(probe, now: now)
            }
            if let packet = pacer.next() {
                guard let sender = sender(of: packet) else { continue }
                transmit(packet, sender: sender, isPaced: true, now: now)
            } else if pacer.probe != nil, let sender = filling,
                let packet = senders[sender].filler(bytes: Self.fillerBytes)
            {
                transmit(packet, sender: sender, isPaced: true, now: now)
            } else {
                return
            }
        }
    }

    var pacerDeadline: MonotonicInstant? {
        pacer.deadline(canFill: filling != nil)
    }

    /// Tells who adapts, when the estimate has changed.
    mutating func estimateChanged(now: MonotonicInstant) {
        pacer.set(rate: estimator.target)
        guard let estimate = estimator.takeChange(roundTrip: roundTrip ?? estimator.roundTrip) else { return }
        actions.append(.estimate(estimate))
    }

    /// The stream whose retransmissions can fill a probe.
    private var filling: Int? {
        senders.firstIndex { $0.usesRTX && $0.configuration.extensions.transportSequence != nil && $0.hasSent }
    }

    private func sender(of packet: OutgoingPacket) -> Int? {
        let ssrc = packet.packet.ssrc
        return senders.firstIndex { $0.ssrc == ssrc || $0.configuration.rtxSSRC == ssrc }
    }

    /// Puts a packet on the wire.
    private mutating func transmit(
        _ packet: OutgoingPacket, sender: Int, isPaced: Bool, now: MonotonicInstant
    ) {
        var packet = packet
        if packet.stamps.ids.absoluteSendTime != nil {
            // Seconds in 6.18: they wrap after 64 s.
            let (seconds, rest) = now.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
            packet.stamps.absoluteSendTime =
                UInt32(truncatingIfNeeded: seconds << 18 | rest << 18 / 1_000_000_000) & 0xFF_FFFF
        }
        if packet.stamps.ids.transportSequence != nil {
            packet.stamps.transportSequence = 0
            let probe = isPaced ? pacer.probe?.id : nil
            packet.stamps.transportSequence =
                estimator.noteSent(bytes: packet.serializedCount, probe: probe, now: now)
        }
        pacer.noteSent(bytes: packet.serializedCount, isPaced: isPaced, now: now)
        if !packet.isRepair {
            senders[sender].noteSent(packet.packet, now: now)
            startReports(now: now)
            if isPaced, packet.stamps.transportSequence != nil { estimator.startProbing(now: now) }
        }
        actions.append(.sendRTP(packet))
    }

    /// Goes on under another SSRC, since somebody else uses ours (RFC 3550 §8.2).
    ///
    /// A far side that sends our packets back to us has the new SSRC too, soon: that is a loop, not a collision, and is
    /// passed over.
    mutating func replaceSSRC(sender index: Int, now: MonotonicInstant) {
        if let collidedAt, now - collidedAt < Self.loopMemory { return }
        collidedAt = now
        var configuration = senders[index].configuration
        let old = configuration.ssrc
        configuration.ssrc = freshSSRC()
        senders[index].configure(configuration)
        pacer.remove(old, rtx: nil)
        sayGoodbye([old])
        actions.append(.collided(old, replacement: configuration.ssrc, mid: configuration.mid))
        // What was under way is of no use to those who decode the new stream.
        if configuration.kind == .video { actions.append(.keyframeRequested(mid: configuration.mid)) }
    }

    /// One that nobody uses, as far as is known.
    private mutating func freshSSRC() -> SSRC {
        while true {
            let ssrc = SSRC(rawValue: .random(in: 1 ... .max, using: &generator))
            let isOurs = senders.contains { $0.ssrc == ssrc || $0.configuration.rtxSSRC == ssrc }
            if !isOurs, streamIndex[ssrc] == nil, repaired[ssrc] == nil { return ssrc }
        }
    }

    /// Ten intervals between reports (RFC 3550 §8.2).
    private static let loopMemory = Duration.seconds(10)
    /// Payload of a packet that fills a probe.
    private static let fillerBytes = 1000
}
