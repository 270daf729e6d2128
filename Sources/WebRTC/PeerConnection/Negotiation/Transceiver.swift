import RTP

/// An m-line for sound or pictures, and what is sent and received on it (RFC 8829 §3.4).
struct Transceiver: Sendable {
    /// A codec under the payload types of an m-line.
    struct Codec: Sendable, Hashable {
        var codec: MediaCodec
        var payloadType: UInt8
        var rtxPayloadType: UInt8?
        var feedback: RTPFeedbackKinds
    }

    /// What is sent, with the SSRCs that stand in the description.
    struct Track: Sendable, Hashable {
        var ssrc: SSRC
        var rtxSSRC: SSRC
        var streamID: String?
        var trackID: String?
    }

    let mid: String
    let kind: RTPMediaKind
    /// What the application wants.
    var direction: TransceiverDirection
    var track: Track
    /// What was agreed on.
    var current = TransceiverDirection.inactive
    /// What the far side's last description says, as it sees it.
    var offered = TransceiverDirection.inactive
    /// Whether the far side has stopped the line (port 0); its place may go to another.
    var isStopped = false
    /// What may be used: the far side's choice, once there is one.
    var codecs: [Codec]
    var extensions: RTPExtensionIDs
    var allowsReducedRTCP = true
    var remote: RemoteTrack
    /// The SSRCs of the far side's retransmissions.
    var remoteRTX: [SSRC: SSRC] = [:]

    init(
        mid: String, kind: RTPMediaKind, direction: TransceiverDirection, track: Track, codecs: [Codec],
        extensions: RTPExtensionIDs
    ) {
        self.mid = mid
        self.kind = kind
        self.direction = direction
        self.track = track
        self.codecs = codecs
        self.extensions = extensions
        remote = RemoteTrack(mid: mid, kind: kind, isActive: false)
    }

    /// What RTP sends on the line; nil when it sends nothing.
    var sender: RTPSenderConfiguration? {
        guard current.sends, let codec = codecs.first else { return nil }
        var sender = RTPSenderConfiguration(
            mid: mid, kind: kind, ssrc: track.ssrc, payloadType: codec.payloadType, clockRate: codec.codec.clockRate)
        sender.rtxPayloadType = codec.rtxPayloadType
        sender.rtxSSRC = codec.rtxPayloadType == nil ? nil : track.rtxSSRC
        sender.extensions = extensions
        sender.feedback = codec.feedback
        return sender
    }

    /// What RTP receives on the line; nil when it receives nothing.
    var receiver: RTPReceiverConfiguration? {
        guard current.receives, let first = codecs.first else { return nil }
        var receiver = RTPReceiverConfiguration(
            mid: mid, kind: kind,
            codecs: codecs.map { codec in
                RTPReceiverConfiguration.Codec(
                    payloadType: codec.payloadType, clockRate: codec.codec.clockRate,
                    rtxPayloadType: codec.rtxPayloadType, deliveredAs: codec.codec.payloadType)
            })
        receiver.ssrcs = remote.ssrcs
        receiver.rtxSSRCs = remoteRTX
        receiver.extensions = extensions
        receiver.feedback = first.feedback
        return receiver
    }
}
