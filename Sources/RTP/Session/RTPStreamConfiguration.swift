/// What kind of media a stream carries: sound is never held back, pictures are.
public enum RTPMediaKind: Sendable, Hashable {
    case audio
    case video
}

/// The feedback messages that SDP negotiated for an m-line (`a=rtcp-fb`, RFC 4585 §4.2).
public struct RTPFeedbackKinds: Sendable, Hashable {
    /// Lost packets are asked for again (RFC 4585 §6.2.1).
    public var nack: Bool
    /// A keyframe is asked for by PLI (RFC 4585 §6.3.1).
    public var pictureLoss: Bool
    /// A keyframe is asked for by FIR (RFC 5104 §4.3.1).
    public var fullIntraRequest: Bool
    /// The receiver says what it can take (draft-alvestrand-rmcat-remb).
    public var remb: Bool
    /// The receiver says when each packet arrived (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    public var transportWide: Bool

    public init(
        nack: Bool = false, pictureLoss: Bool = false, fullIntraRequest: Bool = false, remb: Bool = false,
        transportWide: Bool = false
    ) {
        self.nack = nack
        self.pictureLoss = pictureLoss
        self.fullIntraRequest = fullIntraRequest
        self.remb = remb
        self.transportWide = transportWide
    }
}

/// A stream that is sent: one m-line's.
public struct RTPSenderConfiguration: Sendable, Hashable {
    /// The m-line's `a=mid`.
    public var mid: String
    public var kind: RTPMediaKind
    public var ssrc: SSRC
    /// What is put on the wire, whatever the pipeline's packets say.
    public var payloadType: UInt8
    public var clockRate: Int32
    /// The stream of retransmissions (RFC 4588); nil with ``rtxPayloadType`` nil.
    public var rtxSSRC: SSRC?
    public var rtxPayloadType: UInt8?
    /// Written as `a=rid`, where the m-line has one.
    public var streamID: String?
    public var extensions = RTPExtensionIDs()
    public var feedback = RTPFeedbackKinds()

    public init(mid: String, kind: RTPMediaKind, ssrc: SSRC, payloadType: UInt8, clockRate: Int32) {
        self.mid = mid
        self.kind = kind
        self.ssrc = ssrc
        self.payloadType = payloadType
        self.clockRate = clockRate
    }
}

/// What is received on one m-line.
public struct RTPReceiverConfiguration: Sendable, Hashable {
    /// A payload type that may arrive.
    public struct Codec: Sendable, Hashable {
        public var payloadType: UInt8
        public var clockRate: Int32
        /// The payload type of its retransmissions (`apt=`, RFC 4588 §8.1).
        public var rtxPayloadType: UInt8?
        /// What packets are given out as: the pipelines know one payload type a codec.
        public var deliveredAs: UInt8

        public init(payloadType: UInt8, clockRate: Int32, rtxPayloadType: UInt8? = nil, deliveredAs: UInt8? = nil) {
            self.payloadType = payloadType
            self.clockRate = clockRate
            self.rtxPayloadType = rtxPayloadType
            self.deliveredAs = deliveredAs ?? payloadType
        }
    }

    public var mid: String
    public var kind: RTPMediaKind
    public var codecs: [Codec]
    /// The streams that signalling named (`a=ssrc`), without those of retransmissions. Others are bound by the mid
    /// extension, or by payload type where only one m-line has it (RFC 8843 §9.2).
    public var ssrcs: [SSRC] = []
    /// The stream of retransmissions of each stream (`a=ssrc-group:FID`); others are bound by their payload type.
    public var rtxSSRCs: [SSRC: SSRC] = [:]
    public var extensions = RTPExtensionIDs()
    public var feedback = RTPFeedbackKinds()

    public init(mid: String, kind: RTPMediaKind, codecs: [Codec]) {
        self.mid = mid
        self.kind = kind
        self.codecs = codecs
    }
}
