/// Records in a run of bytes (RFC 6347 §4.1): a memory BIO keeps no datagram edges, so what OpenSSL writes is cut at its
/// records' headers and packed into datagrams again.
enum DTLSRecords {
    /// The datagram that begins at `offset`: whole records, as many as fit, a ClientHello alone.
    ///
    /// OpenSSL looks at its timer before it reads: a ServerHello that comes later than that makes it write the hello once
    /// more, just before the next flight. A server that runs OpenSSL on memory (Janus 1.1.2) drops the old hello with all
    /// that follows it in its datagram, and the handshake stands for a second, until that server's own timer.
    /// - `limit`: bytes of a datagram; a single record that is larger goes alone, and IP fragments it.
    /// - Returns: nil at the end, or where the bytes are no whole record.
    static func datagram(in bytes: Span<UInt8>, from offset: Int, limit: Int) -> Range<Int>? {
        guard var end = record(in: bytes, from: offset) else { return nil }
        guard !isClientHello(bytes, at: offset) else { return offset..<end }
        while let next = record(in: bytes, from: end), next - offset <= limit, !isClientHello(bytes, at: end) {
            end = next
        }
        return offset..<end
    }

    /// Of a whole record: content type 22 in epoch 0, where nothing is encrypted, and handshake type 1 (RFC 6347 §4.2.2).
    private static func isClientHello(_ bytes: Span<UInt8>, at offset: Int) -> Bool {
        bytes[offset] == 22 && bytes[offset + 3] == 0 && bytes[offset + 4] == 0
            && offset + headerCount < bytes.count && bytes[offset + headerCount] == 1
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
