/// The header extensions of a packet that is sent, written into the datagram without being put together first.
struct HeaderStamps: Sendable {
    var ids: RTPExtensionIDs
    /// Bytes of the m-line's name; empty once the far side has shown that it knows the stream.
    var mid: [UInt8] = []
    var streamID: [UInt8] = []
    /// Whether ``streamID`` is that of the stream repeated.
    var isRepair = false
    /// The byte of RFC 6464.
    var audioLevel: UInt8?
    /// 24 bits: seconds in 6.18 (draft-alvestrand-rmcat-remb §2.1).
    var absoluteSendTime: UInt32?
    var transportSequence: UInt16?

    init(ids: RTPExtensionIDs) { self.ids = ids }

    /// The bytes of the whole header extension, a multiple of four; 0 where there is none.
    var count: Int {
        let bytes = elementBytes
        return bytes == 0 ? 0 : 4 + (bytes + 3) & ~3
    }

    /// Writes the extension.
    /// - Returns: bytes written, ``count``.
    func write(into storage: inout MutableSpan<UInt8>, at start: Int) -> Int {
        let count = count
        guard count > 0 else { return 0 }
        let isWide = isWide
        storage.set(isWide ? 0x1000 : 0xBEDE as UInt16, at: start)
        storage.set(UInt16(count / 4 - 1), at: start + 2)
        var writer = Writer(offset: start + 4, isWide: isWide)
        writer.put(mid, ids.mid, &storage)
        writer.put(streamID, isRepair ? ids.repairedStreamID : ids.streamID, &storage)
        if let audioLevel { writer.put(UInt32(audioLevel), bytes: 1, ids.audioLevel, &storage) }
        if let absoluteSendTime { writer.put(absoluteSendTime, bytes: 3, ids.absoluteSendTime, &storage) }
        if let transportSequence { writer.put(UInt32(transportSequence), bytes: 2, ids.transportSequence, &storage) }
        for offset in writer.offset..<start + count { storage[offset] = 0 }
        return count
    }

    private var streamIDID: UInt8? { isRepair ? ids.repairedStreamID : ids.streamID }

    /// Whether the two-byte form is needed: an id above 14, or more than 16 bytes (RFC 8285 §4.2).
    private var isWide: Bool {
        func needsRoom(_ id: UInt8?, _ count: Int) -> Bool { count > 0 && (id.map { $0 > 14 } ?? false || count > 16) }
        return needsRoom(ids.mid, mid.count) || needsRoom(streamIDID, streamID.count)
            || needsRoom(ids.audioLevel, audioLevel == nil ? 0 : 1)
            || needsRoom(ids.absoluteSendTime, absoluteSendTime == nil ? 0 : 3)
            || needsRoom(ids.transportSequence, transportSequence == nil ? 0 : 2)
    }

    private var elementBytes: Int {
        let header = isWide ? 2 : 1
        func size(_ id: UInt8?, _ count: Int) -> Int { id == nil || count == 0 ? 0 : header + count }
        return size(ids.mid, mid.count) + size(streamIDID, streamID.count)
            + size(ids.audioLevel, audioLevel == nil ? 0 : 1)
            + size(ids.absoluteSendTime, absoluteSendTime == nil ? 0 : 3)
            + size(ids.transportSequence, transportSequence == nil ? 0 : 2)
    }

    private struct Writer {
        var offset: Int
        let isWide: Bool

        mutating func put(_ data: [UInt8], _ id: UInt8?, _ storage: inout MutableSpan<UInt8>) {
            guard let id, !data.isEmpty else { return }
            putHeader(id, data.count, &storage)
            storage.set(data, at: offset)
            offset += data.count
        }

        mutating func put(_ value: UInt32, bytes: Int, _ id: UInt8?, _ storage: inout MutableSpan<UInt8>) {
            guard let id else { return }
            putHeader(id, bytes, &storage)
            for index in 0..<bytes {
                storage[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * (bytes - 1 - index)))
            }
            offset += bytes
        }

        private mutating func putHeader(_ id: UInt8, _ count: Int, _ storage: inout MutableSpan<UInt8>) {
            if isWide {
                storage[offset] = id
                storage[offset + 1] = UInt8(count)
                offset += 2
            } else {
                storage[offset] = id << 4 | UInt8(count - 1)
                offset += 1
            }
        }
    }
}
