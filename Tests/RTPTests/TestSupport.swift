import RTP

/// Random numbers that a seed makes again (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Bytes written as in an RFC: pairs of hexadecimal digits, spaces as one likes.
func bytes(_ text: String) -> [UInt8] {
    let digits = text.filter { !$0.isWhitespace }.map { UInt8(String($0), radix: 16)! }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

func parse(_ bytes: [UInt8]) throws(RTPError) -> RTPPacket { try RTPPacket(parsing: bytes.span) }

/// An error code, or nil where nothing was thrown.
func code(of body: () throws(RTPError) -> Void) -> RTPError.Code? {
    do throws(RTPError) {
        try body()
        return nil
    } catch {
        return error.code
    }
}

extension RTPPacket {
    /// A packet of 20 ms sound, `index` packets after the start.
    static func sound(
        _ index: Int, start: RTPStart = RTPStart(sequenceNumber: 65_530, timestamp: 0xFFFF_F000), pause: Int = 0
    ) -> RTPPacket {
        RTPPacket(
            payloadType: 111, sequenceNumber: start.sequenceNumber + index,
            timestamp: start.timestamp + 960 * index + pause, ssrc: 7,
            payload: [UInt8(truncatingIfNeeded: index)])
    }
}
