/// Data behind the number of a channel: four bytes in place of an indication's 36 (RFC 8656 §12.4).
enum TURNChannelData {
    static let headerCount = 4
    /// What a client may bind (RFC 8656 §12); higher ones are reserved.
    static let numbers: ClosedRange<UInt16> = 0x4000...0x4FFF

    /// Whether bytes are no STUN, but ChannelData (RFC 7983 §7).
    @inline(__always)
    static func isChannelData(_ bytes: Span<UInt8>) -> Bool { bytes.count >= headerCount && bytes[0] >> 6 == 1 }

    /// The channel and where its data is; nil where the length exceeds the bytes.
    static func parse(_ bytes: Span<UInt8>) -> (channel: UInt16, data: Range<Int>)? {
        guard isChannelData(bytes) else { return nil }
        let count = Int(bytes.bigEndian16(2))
        guard headerCount + count <= bytes.count else { return nil }
        return (bytes.bigEndian16(0), headerCount..<headerCount + count)
    }

    /// - `isPadded`: to a multiple of four, as a stream needs it (RFC 8656 §12.5).
    static func wrap(_ data: [UInt8], channel: UInt16, isPadded: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(headerCount + data.count + 3)
        bytes.append(bigEndian: channel)
        bytes.append(bigEndian: UInt16(data.count))
        bytes.append(contentsOf: data)
        while isPadded, bytes.count % 4 != 0 { bytes.append(0) }
        return bytes
    }
}
