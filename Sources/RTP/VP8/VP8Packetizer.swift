/// Puts encoded VP8 pictures into packets: pieces of like size, a marker on the last of a picture (RFC 7741 §4).
public struct VP8Packetizer: Sendable {
    /// Ticks of the video timeline a second (RFC 7741 §4.1).
    public static let clockRate: Int32 = 90_000
    /// The dynamic payload type that WebRTC's offers use; what is negotiated wins.
    public static let usualPayloadType: UInt8 = 96

    public private(set) var sender: RTPSender
    /// The next picture's number.
    public private(set) var pictureID: VP8PayloadDescriptor.PictureID
    private let pieceBytes: Int

    /// - `maximumPacketBytes`: of a whole RTP packet, header included; 100 or more. 1,200 pass every path.
    /// - `pictureID`: of the first picture; random, as the other counters are.
    public init(
        ssrc: SSRC, payloadType: UInt8 = usualPayloadType, start: RTPStart, maximumPacketBytes: Int = 1200,
        pictureID: VP8PayloadDescriptor.PictureID = .long(.random(in: 0..<0x8000))
    ) {
        precondition(maximumPacketBytes >= 100, "a packet has room for a header and some picture")
        sender = RTPSender(ssrc: ssrc, payloadType: payloadType, start: start)
        self.pictureID = pictureID
        let descriptor = VP8PayloadDescriptor(startsPartition: true, pictureID: pictureID)
        pieceBytes = maximumPacketBytes - 12 - descriptor.bytes.count
    }

    /// The packets of the next picture, in order; none for no bytes.
    /// - `ticks`: since the picture before, at ``clockRate``.
    public mutating func packets(_ frame: [UInt8], ticks: Int) -> [RTPPacket] {
        sender.advance(by: ticks)
        guard !frame.isEmpty else { return [] }
        defer { pictureID = pictureID.next }
        let count = (frame.count + pieceBytes - 1) / pieceBytes
        return (0..<count).map { index in
            let descriptor = VP8PayloadDescriptor(startsPartition: index == 0, pictureID: pictureID)
            let piece = frame[frame.count * index / count..<frame.count * (index + 1) / count]
            return sender.packet(descriptor.bytes + piece, marker: index == count - 1)
        }
    }
}
