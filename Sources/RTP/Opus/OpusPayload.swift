/// The rules of Opus in RTP (RFC 7587) that need no codec.
public enum OpusPayload {
    /// Ticks a second, whatever the sound's bandwidth (RFC 7587 §4.1).
    public static let clockRate: Int32 = 48_000
    /// The dynamic payload type that WebRTC's offers use; what is negotiated wins.
    public static let usualPayloadType: UInt8 = 111

    /// The ticks that a payload stands for: its frames × their size, from the TOC byte (RFC 6716 §3.1, §3.2).
    /// - Returns: 120…5,760; nil for what is no Opus packet (empty, no frames, or more than 120 ms).
    public static func ticks(of payload: [UInt8]) -> Int? {
        guard let toc = payload.first else { return nil }
        let frames: Int
        switch toc & 0b11 {
        case 0: frames = 1
        case 1, 2: frames = 2
        default:
            guard payload.count > 1 else { return nil }
            frames = Int(payload[1] & 0b11_1111)
        }
        let ticks = frames * ticksOfFrame(configuration: Int(toc >> 3))
        return (1...5760).contains(ticks) ? ticks : nil
    }

    private static func ticksOfFrame(configuration: Int) -> Int {
        switch configuration {
        case 0..<12: configuration & 3 == 3 ? 2880 : 480 << (configuration & 3)  // SILK
        case 12..<16: 480 << (configuration & 1)  // hybrid
        default: 120 << (configuration & 3)  // CELT
        }
    }
}
