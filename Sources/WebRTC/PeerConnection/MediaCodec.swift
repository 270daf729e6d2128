public import RTP

/// A codec that an m-line may carry. Pipelines know each by one payload type; the connection maps it to what was
/// negotiated, both ways.
public struct MediaCodec: Sendable, Hashable {
    public var kind: RTPMediaKind
    /// As `a=rtpmap` names it: `opus`, `VP8`.
    public var name: String
    /// The payload type of the pipelines' packets, and of offers.
    public var payloadType: UInt8
    public var clockRate: Int32
    /// 1 is not written.
    public var channels: Int
    /// `a=fmtp`'s parameters, or nil.
    public var parameters: String?
    /// The payload type of retransmissions in offers (RFC 4588), or nil for none.
    public var rtxPayloadType: UInt8?
    public var feedback: RTPFeedbackKinds

    public init(
        kind: RTPMediaKind, name: String, payloadType: UInt8, clockRate: Int32, channels: Int = 1,
        parameters: String? = nil, rtxPayloadType: UInt8? = nil, feedback: RTPFeedbackKinds = RTPFeedbackKinds()
    ) {
        self.kind = kind
        self.name = name
        self.payloadType = payloadType
        self.clockRate = clockRate
        self.channels = channels
        self.parameters = parameters
        self.rtxPayloadType = rtxPayloadType
        self.feedback = feedback
    }

    /// RFC 7587.
    public static let opus = MediaCodec(
        kind: .audio, name: "opus", payloadType: OpusPayload.usualPayloadType, clockRate: OpusPayload.clockRate,
        channels: 2, parameters: "minptime=10;useinbandfec=1", feedback: RTPFeedbackKinds(transportWide: true))

    /// RFC 7741.
    public static let vp8 = MediaCodec(
        kind: .video, name: "VP8", payloadType: 96, clockRate: 90_000, rtxPayloadType: 97,
        feedback: RTPFeedbackKinds(
            nack: true, pictureLoss: true, fullIntraRequest: true, remb: true, transportWide: true))
}
