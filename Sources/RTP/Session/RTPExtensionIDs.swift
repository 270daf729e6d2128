/// The ids that SDP negotiated for header extensions (RFC 8285 §5), nil where one is not spoken of.
public struct RTPExtensionIDs: Sendable, Hashable {
    /// Names the m-line of a packet (RFC 9143 §15).
    public var mid: UInt8?
    /// Names one of the encodings of a simulcast (RFC 8852).
    public var streamID: UInt8?
    /// Names the encoding that an RTX packet repeats (RFC 8852).
    public var repairedStreamID: UInt8?
    /// The level of the sound (RFC 6464).
    public var audioLevel: UInt8?
    /// When the packet was sent, for receivers that estimate the link (draft-alvestrand-rmcat-remb §2.1).
    public var absoluteSendTime: UInt8?
    /// Numbers the packets of a transport (draft-holmer-rmcat-transport-wide-cc-extensions-01 §2).
    public var transportSequence: UInt8?

    public init() {}

    public static let midURI = "urn:ietf:params:rtp-hdrext:sdes:mid"
    public static let streamIDURI = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
    public static let repairedStreamIDURI = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
    public static let absoluteSendTimeURI = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
    public static let transportSequenceURI =
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
}
