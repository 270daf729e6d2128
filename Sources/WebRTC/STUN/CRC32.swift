/// The CRC of STUN's FINGERPRINT: that of ITU V.42 (RFC 8489 §14.7).
enum CRC32 {
    static func of(_ bytes: Span<UInt8>) -> UInt32 {
        var crc = UInt32.max
        for index in bytes.indices {
            crc = table[Int((crc ^ UInt32(bytes[index])) & 0xFF)] ^ (crc >> 8)
        }
        return ~crc
    }

    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB8_8320 }
    }
}
