package import Media

extension RTPTransport {
    /// Takes in a packet from the wire.
    package mutating func receive(_ packet: consuming RTPPacket, now: MonotonicInstant) {
        if tellsArrivals, let id = receivedIDs.transportSequence, let data = packet.extensions[id], data.count >= 2 {
            let number = UInt16(data[data.startIndex]) << 8 | UInt16(data[data.startIndex + 1])
            arrivals.insert(SequenceNumber(rawValue: number), at: now)
            feedbackAt = feedbackAt ?? now + feedbackInterval
        }
        if downlink != nil { estimateDownlink(packet, now: now) }
        if let index = streamIndex[packet.ssrc] {
            take(packet, stream: index, isRepair: false, now: now)
        } else if let base = repaired[packet.ssrc] {
            unwrap(packet, base: base, now: now)
        } else {
            receiveUnknown(packet, now: now)
        }
    }

    /// Asks the far side for a keyframe of the newest stream of an m-line.
    package mutating func requestKeyframe(mid: String, now: MonotonicInstant) {
        guard let line = lines.first(where: { $0.mid == mid }) else { return }
        let candidates = streams.indices.filter { streams[$0].mid == mid }
        let newest = candidates.max { streams[$0].lastPacketAt < streams[$1].lastPacketAt }
        guard let ssrc = newest.map({ streams[$0].ssrc }) ?? line.ssrcs.first else { return }
        if let newest { streams[newest].statistics.keyframeRequests += 1 }
        if line.feedback.pictureLoss || !line.feedback.fullIntraRequest {
            sendFeedback([.pictureLoss(sender: ownSSRC, media: ssrc)], about: ssrc, now: now)
        } else if let newest {
            let request = RTCPIntraRequest(ssrc: ssrc, number: streams[newest].takeIntraRequestNumber())
            sendFeedback([.fullIntraRequest(sender: ownSSRC, [request])], about: ssrc, now: now)
        }
    }

    private mutating func estimateDownlink(_ packet: borrowing RTPPacket, now: MonotonicInstant) {
        guard let id = receivedIDs.absoluteSendTime, let data = packet.extensions[id], data.count >= 3 else { return }
        let sendTime = data.prefix(3).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let (bytes, roundTrip) = (packet.serializedCount, likelyRoundTrip)
        let rate = downlink?.insert(sendTime: sendTime, bytes: bytes, roundTrip: roundTrip, now: now)
        guard let rate else { return }
        let mids = Set(lines.filter(\.feedback.remb).map(\.mid))
        let ssrcs = streams.filter { mids.contains($0.mid) }.map(\.ssrc)
        guard let first = ssrcs.first else { return }
        sendFeedback([.remb(sender: ownSSRC, bitsPerSecond: rate, ssrcs)], about: first, now: now)
    }

    // MARK: Streams

    /// A packet of a stream that is bound.
    private mutating func take(_ packet: consuming RTPPacket, stream index: Int, isRepair: Bool, now: MonotonicInstant)
    {
        let roundTrip = likelyRoundTrip
        guard streams[index].receive(packet, isRepair: isRepair, roundTrip: roundTrip, now: now) else { return }
        guard let line = lines.firstIndex(where: { $0.mid == streams[index].mid }) else { return }
        noteStreamID(of: packet, stream: index)
        if let codec = lines[line].codecs.first(where: { $0.payloadType == packet.payloadType }) {
            packet.payloadType = codec.deliveredAs
        }
        packet.extensions.keepOnly(lines[line].extensions.audioLevel, as: Self.audioLevelID)
        packet.paddingCount = 0
        actions.append(.deliver(packet, mid: lines[line].mid))
        sendRepairRequests(now: now)
        startReports(now: now)
    }

    /// A retransmission: the packet's number comes first in its payload (RFC 4588 §4).
    private mutating func unwrap(_ packet: consuming RTPPacket, base: SSRC, now: MonotonicInstant) {
        // Padding alone probes the link.
        guard packet.payload.count >= 2, let index = streamIndex[base],
            let line = lines.first(where: { $0.mid == streams[index].mid }),
            let codec = line.codecs.first(where: { $0.rtxPayloadType == packet.payloadType })
        else { return }
        packet.sequenceNumber = SequenceNumber(rawValue: UInt16(packet.payload[0]) << 8 | UInt16(packet.payload[1]))
        packet.payload.removeFirst(2)
        packet.payloadType = codec.payloadType
        packet.ssrc = base
        take(packet, stream: index, isRepair: true, now: now)
    }

    private mutating func receiveUnknown(_ packet: consuming RTPPacket, now: MonotonicInstant) {
        if let own = senders.firstIndex(where: { $0.ssrc == packet.ssrc }) {
            replaceSSRC(sender: own, now: now)
            return
        }
        guard let line = line(of: packet) else {
            unknownStreamPackets += 1
            return
        }
        if let codec = lines[line].codecs.first(where: { $0.payloadType == packet.payloadType }) {
            bind(packet, line: line, clockRate: codec.clockRate, now: now)
        } else if lines[line].codecs.contains(where: { $0.rtxPayloadType == packet.payloadType }),
            let base = base(ofRetransmission: packet, line: line)
        {
            if repaired.count >= 2 * Self.maximumStreams { nameRepaired() }
            repaired[packet.ssrc] = base
            unwrap(packet, base: base, now: now)
        } else {
            unknownStreamPackets += 1
        }
    }

    /// The m-line of a packet: by its name, by the SSRCs that signalling gave, by its payload type (RFC 8843 §9.2).
    private func line(of packet: RTPPacket) -> Int? {
        if let id = receivedIDs.mid, let mid = packet.extensions[id] {
            return lines.firstIndex { mid.elementsEqual($0.mid.utf8) }
        }
        if let line = lines.firstIndex(where: { $0.ssrcs.contains(packet.ssrc) }) { return line }
        var found: Int?
        for line in lines.indices {
            guard lines[line].codecs.contains(where: { $0.knows(packet.payloadType) }) else { continue }
            guard found == nil else { return nil }
            found = line
        }
        return found
    }

    private mutating func bind(_ packet: consuming RTPPacket, line: Int, clockRate: Int32, now: MonotonicInstant) {
        if streams.count >= Self.maximumStreams { removeStalest() }
        let index = streams.count
        streams.append(ReceiverStream(ssrc: packet.ssrc, line: lines[line], clockRate: clockRate, now: now))
        streamIndex[packet.ssrc] = index
        if !lines[line].ssrcs.contains(packet.ssrc) { actions.append(.bound(packet.ssrc, mid: lines[line].mid)) }
        take(packet, stream: index, isRepair: false, now: now)
    }

    /// The stream that one of retransmissions repeats where signalling did not say: the one whose name it carries, or
    /// the newest of the m-line.
    private func base(ofRetransmission packet: RTPPacket, line: Int) -> SSRC? {
        let candidates = streams.filter { $0.mid == lines[line].mid }
        if let id = receivedIDs.repairedStreamID, let name = packet.extensions[id] {
            return candidates.first { $0.statistics.streamID.map { name.elementsEqual($0.utf8) } ?? false }?.ssrc
        }
        return candidates.max { $0.lastPacketAt < $1.lastPacketAt }?.ssrc
    }

    private mutating func noteStreamID(of packet: RTPPacket, stream index: Int) {
        guard streams[index].statistics.streamID == nil, let id = receivedIDs.streamID, let name = packet.extensions[id]
        else { return }
        streams[index].statistics.streamID = String(decoding: name, as: UTF8.self)
    }

    // MARK: Book-keeping

    mutating func linesChanged() {
        receivedIDs = RTPExtensionIDs()
        for line in lines { receivedIDs.merge(line.extensions) }
        tellsArrivals = lines.contains { $0.feedback.transportWide }
        let estimatesItself = tellsArrivals && receivedIDs.transportSequence != nil
        let wantsEstimate = !estimatesItself && lines.contains(where: \.feedback.remb)
        downlink = wantsEstimate ? downlink ?? DownlinkEstimator(settings: settings) : nil
        nameRepaired()
        indexStreams()
    }

    /// Only what signalling said is known of retransmissions; the rest is bound anew.
    private mutating func nameRepaired() {
        repaired.removeAll(keepingCapacity: true)
        for line in lines {
            for (base, rtx) in line.rtxSSRCs { repaired[rtx] = base }
        }
    }

    mutating func indexStreams() {
        streamIndex.removeAll(keepingCapacity: true)
        for index in streams.indices { streamIndex[streams[index].ssrc] = index }
    }

    /// Makes room among streams that come and go.
    private mutating func removeStalest() {
        guard let stalest = streams.indices.min(by: { streams[$0].lastPacketAt < streams[$1].lastPacketAt }) else {
            return
        }
        let ssrc = streams.remove(at: stalest).ssrc
        repaired = repaired.filter { $0.value != ssrc }
        indexStreams()
    }

    private static let maximumStreams = 128
}

extension RTPReceiverConfiguration {
    var usesRTX: Bool { codecs.contains { $0.rtxPayloadType != nil } }
}

extension RTPReceiverConfiguration.Codec {
    fileprivate func knows(_ type: UInt8) -> Bool { payloadType == type || rtxPayloadType == type }
}

extension RTPExtensionIDs {
    /// Takes over what is not known yet.
    fileprivate mutating func merge(_ other: RTPExtensionIDs) {
        mid = mid ?? other.mid
        streamID = streamID ?? other.streamID
        repairedStreamID = repairedStreamID ?? other.repairedStreamID
        audioLevel = audioLevel ?? other.audioLevel
        absoluteSendTime = absoluteSendTime ?? other.absoluteSendTime
        transportSequence = transportSequence ?? other.transportSequence
    }
}
