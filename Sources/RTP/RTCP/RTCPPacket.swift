/// One packet of an RTCP datagram (RFC 3550 §6, RFC 4585 §6, RFC 5104 §4).
package enum RTCPPacket: Sendable, Hashable {
    case senderReport(RTCPSenderReport)
    /// At most 31 blocks.
    case receiverReport(sender: SSRC, blocks: [RTCPReportBlock])
    /// At most 31 sources.
    case sourceDescription([RTCPSourceDescription])
    /// At most 31 streams; the reason has at most 255 bytes.
    case goodbye([SSRC], reason: String?)
    /// Packets that are asked for again (generic NACK, RFC 4585 §6.2.1), in ascending order.
    case nack(sender: SSRC, media: SSRC, [SequenceNumber])
    /// A keyframe is asked for (PLI, RFC 4585 §6.3.1).
    case pictureLoss(sender: SSRC, media: SSRC)
    /// Keyframes are asked for (FIR, RFC 5104 §4.3.1).
    case fullIntraRequest(sender: SSRC, [RTCPIntraRequest])
    /// What the receiver can take, in bits a second (draft-alvestrand-rmcat-remb-03 §2.2).
    case remb(sender: SSRC, bitsPerSecond: UInt64, [SSRC])
    case transportFeedback(TransportFeedback)
    /// A kind that is not read: `count` are the five bits beside the version, `body` all after the first word.
    case unknown(type: UInt8, count: UInt8, body: [UInt8])

    enum PacketType {
        static let senderReport: UInt8 = 200
        static let receiverReport: UInt8 = 201
        static let sourceDescription: UInt8 = 202
        static let goodbye: UInt8 = 203
        static let transportLayerFeedback: UInt8 = 205
        static let payloadFeedback: UInt8 = 206
    }

    /// The five bits beside the version of feedback messages (RFC 4585 §6.2, §6.3; RFC 5104 §4.3; the two drafts).
    enum Format {
        static let nack: UInt8 = 1
        static let transportFeedback: UInt8 = 15
        static let pictureLoss: UInt8 = 1
        static let fullIntraRequest: UInt8 = 4
        static let applicationLayer: UInt8 = 15
    }
}

/// What a source says of itself (RFC 3550 §6.5).
package struct RTCPSourceDescription: Sendable, Hashable {
    package var ssrc: SSRC
    /// The name of its end of the session; nil where it says others things only.
    package var cname: String?

    package init(ssrc: SSRC, cname: String?) {
        self.ssrc = ssrc
        self.cname = cname
    }
}

/// A stream that a keyframe is asked of, and the number of the request: the same number is the same request.
package struct RTCPIntraRequest: Sendable, Hashable {
    package var ssrc: SSRC
    package var number: UInt8

    package init(ssrc: SSRC, number: UInt8) {
        self.ssrc = ssrc
        self.number = number
    }
}
