import RTP
import Testing

/// An RTCP datagram as on the wire, beside what it says.
struct RTCPFixture: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let packets: [RTCPPacket]
    var testDescription: String { name }

    static let all = [compound, nack, pictureLoss, fullIntraRequest, remb, feedback, goodbye, extendedReport]

    /// What a browser sends each second: a sender report with a block, and its name.
    static let compound = RTCPFixture(
        name: "sender report with a block, then SDES",
        text: """
            81 c8 000c  11223344  e5d2c3b4 80000000  00015f90  00000064 00002710
                        55667788  40 fffffe  00010005  000000f0  c3b48000  00010000
            81 ca 0003  11223344  01 04 61626364  00 00
            """,
        packets: [
            .senderReport(
                RTCPSenderReport(
                    ssrc: 0x1122_3344, time: NTPTimestamp(rawValue: 0xE5D2_C3B4_8000_0000), timestamp: 90_000,
                    packets: 100, payloadBytes: 10_000,
                    blocks: [
                        .init(0x5566_7788) {
                            $0.fractionLost = 64
                            $0.lost = -2
                            $0.highestSequence = 0x1_0005
                            $0.jitter = 240
                            $0.lastReport = 0xC3B4_8000
                            $0.delaySinceLastReport = 65_536
                        }
                    ])),
            .sourceDescription([RTCPSourceDescription(ssrc: 0x1122_3344, cname: "abcd")]),
        ])

    /// Alone in its datagram (RFC 5506): 65,534, 65,535 and 14 in one entry, 15 in the next.
    static let nack = RTCPFixture(
        name: "NACK over the wrap, reduced size",
        text: "81 cd 0004  00000001  00000007  fffe 8001  000f 0000",
        packets: [.nack(sender: 1, media: 7, [65_534, 65_535, 14, 15])])

    static let pictureLoss = RTCPFixture(
        name: "receiver report without blocks, then PLI", text: "80 c9 0001 00000001  81 ce 0002 00000001 00000007",
        packets: [.receiverReport(sender: 1, blocks: []), .pictureLoss(sender: 1, media: 7)])

    static let fullIntraRequest = RTCPFixture(
        name: "FIR of two streams",
        text: "84 ce 0006  00000001 00000000  00000007 03 000000  00000008 ff 000000",
        packets: [
            .fullIntraRequest(
                sender: 1, [RTCPIntraRequest(ssrc: 7, number: 3), RTCPIntraRequest(ssrc: 8, number: 255)])
        ])

    /// 512,000 bits a second: mantissa 256,000, exponent 1.
    static let remb = RTCPFixture(
        name: "REMB", text: "8f ce 0005  00000001 00000000  52454d42  01 07 e800  00000007",
        packets: [.remb(sender: 1, bitsPerSecond: 512_000, [7])])

    /// The kinds of chunk: a run, one bit each, two bits each; deltas of one and of two bytes, one of them negative.
    static let feedback = RTCPFixture(
        name: "transport-wide feedback with each kind of chunk",
        text: """
            8f cd 0009  00000001 00000007  fffd 001c  ffffff 05
                        2007  a000  d210
                        01 02 03 04 05 06 07  08  09 ff38 0a  0000
            """,
        packets: [
            .transportFeedback(
                TransportFeedback(
                    sender: 1, media: 7, first: 65_533, referenceTime: -1, number: 5,
                    arrivals: [1, 2, 3, 4, 5, 6, 7] + [8] + Array(repeating: nil, count: 13)
                        + [9, nil, -200, nil, 10, nil, nil]))
        ])

    static let goodbye = RTCPFixture(
        name: "receiver report, then BYE with a reason",
        text: "80 c9 0001 00000001  82 cb 0004 00000007 00000008 06 63616d657261 00",
        packets: [.receiverReport(sender: 1, blocks: []), .goodbye([7, 8], reason: "camera")])

    /// A kind that is not read is carried.
    static let extendedReport = RTCPFixture(
        name: "extended report (RFC 3611)", text: "80 cf 0004 00000001 04 00 0002 e5d2c3b4 80000000",
        packets: [.unknown(type: 207, count: 0, body: bytes("00000001 04 00 0002 e5d2c3b4 80000000"))])
}

extension RTCPReportBlock {
    init(_ ssrc: SSRC, _ fill: (inout RTCPReportBlock) -> Void) {
        self.init(ssrc: ssrc)
        fill(&self)
    }
}

/// - Returns: the datagram, and whether each packet found its place in it.
func write(_ packets: [RTCPPacket], maximumBytes: Int = 100_000) -> (bytes: [UInt8], fits: [Bool]) {
    var writer = RTCPWriter(maximumBytes: maximumBytes)
    let fits = packets.map { writer.append($0) }
    return (writer.bytes, fits)
}

func read(_ datagram: [UInt8]) -> RTCPDatagram { RTCPDatagram(parsing: datagram.span) }
