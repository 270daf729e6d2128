/// One RTP packet (RFC 3550 §5.1).
///
/// Parsing copies the payload out of the datagram once; serialising writes straight into the datagram that is sent.
public struct RTPPacket: Sendable, Hashable {
    /// 0–127.
    public var payloadType: UInt8
    /// What the marker means is the payload format's: the start of a talkspurt for sound, the end of a frame for video.
    public var marker: Bool
    public var sequenceNumber: SequenceNumber
    public var timestamp: RTPTimestamp
    public var ssrc: SSRC
    /// The CSRCs, at most 15.
    public var contributingSources: [SSRC]
    public var extensions: RTPHeaderExtensions
    public var payload: [UInt8]
    /// Bytes of padding after the payload, 0–255.
    public var paddingCount: UInt8

    /// - Requires: `payloadType` of 0–127 and at most 15 contributing sources.
    public init(
        payloadType: UInt8, marker: Bool = false, sequenceNumber: SequenceNumber, timestamp: RTPTimestamp, ssrc: SSRC,
        contributingSources: [SSRC] = [], extensions: RTPHeaderExtensions = RTPHeaderExtensions(), payload: [UInt8],
        paddingCount: UInt8 = 0
    ) {
        self.payloadType = payloadType
        self.marker = marker
        self.sequenceNumber = sequenceNumber
        self.timestamp = timestamp
        self.ssrc = ssrc
        self.contributingSources = contributingSources
        self.extensions = extensions
        self.payload = payload
        self.paddingCount = paddingCount
    }

    // MARK: Parsing

    /// Reads a datagram from a network: any bytes are safe.
    /// - Throws: ``RTPError`` for what is no RTP packet.
    public init(parsing bytes: Span<UInt8>) throws(RTPError) {
        var none = RTPPacketArrays(count: 0)
        try self.init(parsing: bytes, into: &none)
    }

    /// Reads a datagram into arrays of packets before it, where there are any.
    package init(parsing bytes: Span<UInt8>, into arrays: inout RTPPacketArrays) throws(RTPError) {
        guard bytes.count >= Self.fixedHeaderCount else {
            throw RTPError(.truncated, "shorter than the fixed header of 12 bytes (RFC 3550 §5.1)")
        }
        guard bytes[0] >> 6 == 2 else { throw RTPError(.badVersion, "not version 2 (RFC 3550 §5.1)") }
        var offset = Self.fixedHeaderCount
        var arrays = arrays.take()
        contributingSources = try Self.parseSources(bytes, count: Int(bytes[0] & 0xF), &offset)
        extensions =
            bytes[0] & 0x10 == 0
            ? RTPHeaderExtensions() : try Self.parseExtension(bytes, &offset, into: &arrays.extensions)
        paddingCount = bytes[0] & 0x20 == 0 ? 0 : bytes[bytes.count - 1]
        if bytes[0] & 0x20 != 0 {
            guard paddingCount > 0, Int(paddingCount) <= bytes.count - offset else {
                throw RTPError(.badPadding, "padding of 0 bytes, or of more than there are (RFC 3550 §5.1)")
            }
        }
        marker = bytes[1] & 0x80 != 0
        payloadType = bytes[1] & 0x7F
        sequenceNumber = SequenceNumber(rawValue: bytes.uint16(at: 2))
        timestamp = RTPTimestamp(rawValue: bytes.uint32(at: 4))
        ssrc = SSRC(rawValue: bytes.uint32(at: 8))
        arrays.payload.append(copying: bytes.extracting(offset..<bytes.count - Int(paddingCount)))
        payload = arrays.payload
    }

    private static func parseSources(
        _ bytes: Span<UInt8>, count: Int, _ offset: inout Int
    ) throws(RTPError) -> [SSRC] {
        guard count > 0 else { return [] }
        let start = offset
        offset += 4 * count
        guard offset <= bytes.count else {
            throw RTPError(.truncated, "shorter than its contributing sources (RFC 3550 §5.1)")
        }
        return (0..<count).map { SSRC(rawValue: bytes.uint32(at: start + 4 * $0)) }
    }

    private static func parseExtension(
        _ bytes: Span<UInt8>, _ offset: inout Int, into array: inout [UInt8]
    ) throws(RTPError) -> RTPHeaderExtensions {
        guard offset + 4 <= bytes.count else {
            throw RTPError(.truncated, "shorter than its header extension (RFC 3550 §5.3.1)")
        }
        let profile = bytes.uint16(at: offset)
        let start = offset + 4
        offset = start + 4 * Int(bytes.uint16(at: offset + 2))
        guard offset <= bytes.count else {
            throw RTPError(.truncated, "shorter than its header extension (RFC 3550 §5.3.1)")
        }
        return try RTPHeaderExtensions(profile: profile, body: bytes.extracting(start..<offset), into: &array)
    }

    // MARK: Serialising

    /// The bytes before the payload.
    public var headerCount: Int {
        let sources = 4 * contributingSources.count
        return Self.fixedHeaderCount + sources + (extensions.isEmpty ? 0 : 4 + extensions.paddedCount)
    }

    /// The bytes of the whole packet.
    public var serializedCount: Int { headerCount + payload.count + Int(paddingCount) }

    /// Writes the packet at the start of a datagram's storage.
    /// - Returns: bytes written, ``serializedCount``.
    /// - Throws: `.bufferTooSmall`; `.badField` for a payload type above 127 or more than 15 contributing sources.
    @discardableResult
    public func serialize(into storage: inout MutableSpan<UInt8>) throws(RTPError) -> Int {
        let count = serializedCount
        guard storage.count >= count else {
            throw RTPError(.bufferTooSmall, "the storage is smaller than the packet")
        }
        guard payloadType < 128, contributingSources.count <= 15 else {
            throw RTPError(.badField, "a payload type above 127 or more than 15 CSRCs (RFC 3550 §5.1)")
        }
        writeFixedHeader(into: &storage, hasExtension: !extensions.isEmpty)
        var offset = Self.fixedHeaderCount
        for source in contributingSources {
            storage.set(source.rawValue, at: offset)
            offset += 4
        }
        if !extensions.isEmpty { serializeExtensions(into: &storage, &offset) }
        storage.set(payload, at: offset)
        writePadding(into: &storage, at: offset + payload.count)
        return count
    }

    func writeFixedHeader(into storage: inout MutableSpan<UInt8>, hasExtension: Bool) {
        storage[0] =
            2 << 6 | (paddingCount > 0 ? 0x20 : 0) | (hasExtension ? 0x10 : 0) | UInt8(contributingSources.count)
        storage[1] = (marker ? 0x80 : 0) | payloadType
        storage.set(sequenceNumber.rawValue, at: 2)
        storage.set(timestamp.rawValue, at: 4)
        storage.set(ssrc.rawValue, at: 8)
    }

    func writePadding(into storage: inout MutableSpan<UInt8>, at offset: Int) {
        guard paddingCount > 0 else { return }
        let last = offset + Int(paddingCount) - 1
        for index in offset..<last { storage[index] = 0 }
        storage[last] = paddingCount
    }

    /// The packet as bytes of its own; for tests and tools.
    public func serialized() throws(RTPError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: serializedCount)
        var span = bytes.mutableSpan
        try serialize(into: &span)
        return bytes
    }

    private func serializeExtensions(into storage: inout MutableSpan<UInt8>, _ offset: inout Int) {
        storage.set(extensions.profile, at: offset)
        storage.set(UInt16(extensions.paddedCount / 4), at: offset + 2)
        offset += 4
        storage.set(extensions.bytes, at: offset)
        for index in extensions.bytes.count..<extensions.paddedCount { storage[offset + index] = 0 }
        offset += extensions.paddedCount
    }

    private static let fixedHeaderCount = 12
}
