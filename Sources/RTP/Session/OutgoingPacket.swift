/// A packet on its way to the wire: the pipeline's, with what the transport writes over it.
///
/// Nothing of it is a copy: the payload is the pipeline's array, and the header extensions are made while writing.
package struct OutgoingPacket: Sendable {
    /// Payload type, sequence number, timestamp and SSRC are those of the wire; of the extensions only the audio level
    /// is used.
    package private(set) var packet: RTPPacket
    /// The number of the packet that this one repeats, written before its payload (RFC 4588 §4).
    package private(set) var originalSequenceNumber: SequenceNumber?
    /// Whether it repeats one that was sent, or is padding.
    let isRepair: Bool
    var stamps: HeaderStamps

    init(
        packet: RTPPacket, originalSequenceNumber: SequenceNumber? = nil, isRepair: Bool = false, stamps: HeaderStamps
    ) {
        self.packet = packet
        self.originalSequenceNumber = originalSequenceNumber
        self.isRepair = isRepair
        self.stamps = stamps
    }

    package var serializedCount: Int {
        let sources = 4 * packet.contributingSources.count
        return 12 + sources + stamps.count + (originalSequenceNumber == nil ? 0 : 2) + packet.payload.count
            + Int(packet.paddingCount)
    }

    /// Writes the packet at the start of a datagram's storage. Allocates nothing.
    /// - Returns: bytes written, ``serializedCount``.
    /// - Throws: `.bufferTooSmall`.
    package func serialize(into storage: inout MutableSpan<UInt8>) throws(RTPError) -> Int {
        let count = serializedCount
        guard storage.count >= count else {
            throw RTPError(.bufferTooSmall, "the storage is smaller than the packet")
        }
        packet.writeFixedHeader(into: &storage, hasExtension: stamps.count > 0)
        var offset = 12
        for source in packet.contributingSources {
            storage.set(source.rawValue, at: offset)
            offset += 4
        }
        offset += stamps.write(into: &storage, at: offset)
        if let originalSequenceNumber {
            storage.set(originalSequenceNumber.rawValue, at: offset)
            offset += 2
        }
        storage.set(packet.payload, at: offset)
        offset += packet.payload.count
        packet.writePadding(into: &storage, at: offset)
        return count
    }

    /// The packet as bytes of its own; for tests and tools.
    package func serialized() throws(RTPError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: serializedCount)
        var span = bytes.mutableSpan
        _ = try serialize(into: &span)
        return bytes
    }
}
