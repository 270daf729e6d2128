import RTP

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
