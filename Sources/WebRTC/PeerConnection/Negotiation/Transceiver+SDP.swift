import RTP

extension Transceiver {
    /// Takes what the far side says of the line.
    /// - `direction`: as the far side sees it.
    mutating func take(_ section: MediaSection, _ direction: TransceiverDirection) {
        offered = direction
        isStopped = section.isRejected
        let theirs = section.codecs
        if !section.isRejected { codecs = theirs.compactMap { known($0, theirs) } }
        extensions = extensions.intersection(section.extensions)
        allowsReducedRTCP = section.hasReducedRTCP
        let ssrcs = section.primarySSRCs
        remoteRTX = Dictionary(
            ssrcs.compactMap { ssrc in section.retransmissionSSRC(of: ssrc).map { (ssrc, $0) } },
            uniquingKeysWith: { first, _ in first })
        let stream = section.streams.first ?? section.sources.first?.stream
        remote = RemoteTrack(
            mid: mid, kind: kind, isActive: direction.sends && !codecs.isEmpty, ssrcs: ssrcs,
            streamID: stream.flatMap { $0.stream == "-" ? nil : $0.stream }, trackID: stream?.track)
    }

    /// A codec of theirs that is one of ours, under their payload types.
    private func known(_ theirs: SDPCodec, _ all: [SDPCodec]) -> Codec? {
        guard
            let ours = codecs.first(where: { ours in
                theirs.isNamed(ours.codec.name) && theirs.clockRate == ours.codec.clockRate
                    && theirs.channels == ours.codec.channels
            })
        else { return nil }
        let rtx = all.first { $0.associatedPayloadType == theirs.payloadType }?.payloadType
        return Codec(
            codec: ours.codec, payloadType: theirs.payloadType,
            rtxPayloadType: ours.codec.rtxPayloadType == nil ? nil : rtx,
            feedback: ours.codec.feedback.intersection(RTPFeedbackKinds(sdp: theirs.feedback)))
    }
}

extension Transceiver.Codec {
    /// The codec's lines, and those of its retransmissions.
    var sdp: [SDPCodec] {
        let media = SDPCodec(
            payloadType: payloadType, name: codec.name, clockRate: codec.clockRate, channels: codec.channels,
            parameters: codec.parameters, feedback: feedback.sdp)
        guard let rtxPayloadType else { return [media] }
        let rtx = SDPCodec(
            payloadType: rtxPayloadType, name: "rtx", clockRate: codec.clockRate, parameters: "apt=\(payloadType)")
        return [media, rtx]
    }
}

extension TransceiverDirection {
    func intersection(_ other: Self) -> Self {
        Self(sends: sends && other.sends, receives: receives && other.receives)
    }
}
