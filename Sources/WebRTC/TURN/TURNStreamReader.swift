/// Cuts the messages out of a stream from a TURN server: STUN by its length, ChannelData by its own, padded to four
/// (RFC 8656 §12.5, RFC 8489 §6.2.2).
package struct TURNStreamReader: Sendable {
    /// What came and is not taken yet; ``next()`` tells where in it a message is.
    package private(set) var bytes: [UInt8] = []
    private var taken = 0

    package init() {}

    package mutating func append(_ span: Span<UInt8>) {
        if taken == bytes.count {
            bytes.removeAll(keepingCapacity: true)
        } else if taken > 0 {
            bytes.removeFirst(taken)
        }
        taken = 0
        unsafe span.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }

    /// Where in ``bytes`` the next whole message is, without its padding; nil until more came.
    /// - Throws: `.protocolViolation` for what is neither: the stream cannot be read on.
    package mutating func next() throws(TURNError) -> Range<Int>? {
        guard taken + 4 <= bytes.count else { return nil }
        let length = Int(bytes[taken + 2]) << 8 | Int(bytes[taken + 3])
        let count: Int
        switch bytes[taken] >> 6 {
        case 0 where length % 4 == 0: count = STUNMessage.headerCount + length
        case 1: count = TURNChannelData.headerCount + length
        default:
            throw TURNError(.protocolViolation, "the stream holds neither STUN nor ChannelData (RFC 8656 §12.5)")
        }
        let padded = (count + 3) & ~3
        guard taken + padded <= bytes.count else { return nil }
        defer { taken += padded }
        return taken..<taken + count
    }
}
