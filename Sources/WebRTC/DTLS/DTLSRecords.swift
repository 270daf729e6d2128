/// Records in a run of bytes (RFC 6347 §4.1): a memory BIO keeps no datagram edges, so what OpenSSL writes is cut at its
/// records' headers and packed into datagrams again.
enum DTLSRecords {
    /// The datagram that begins at `offset`: whole records, as many as fit.
    /// - `limit`: bytes of a datagram; a single record that is larger goes alone, and IP fragments it.
    /// - Returns: nil at the end, or where the bytes are no whole record.
    static func datagram(in bytes: Span<UInt8>, from offset: Int, limit: Int) -> Range<Int>? {
        var end = offset
        while let next = record(in: bytes, from: end), end == offset || next - offset <= limit { end = next }
        return end == offset ? nil : offset..<end
    }

    /// Where the record that begins at `offset` ends; nil when it is cut short or no record.
    private static func record(in bytes: Span<UInt8>, from offset: Int) -> Int? {
        guard bytes.count - offset >= headerCount, isContentType(bytes[offset]) else { return nil }
        let length = Int(bytes[offset + 11]) << 8 | Int(bytes[offset + 12])
        let end = offset + headerCount + length
        return end <= bytes.count ? end : nil
    }

    /// What tells DTLS from its neighbours on a bundled path (RFC 7983 §7).
    static func isContentType(_ byte: UInt8) -> Bool { (20...63).contains(byte) }

    private static let headerCount = 13
}
