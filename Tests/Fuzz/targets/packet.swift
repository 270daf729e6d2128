import RTP

/// Any bytes: parsing never traps, and a packet that was read is written and read again as it was.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPacket(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    guard var packet = try? RTPPacket(parsing: bytes.span) else { return 0 }
    _ = OpusPayload.ticks(of: packet.payload)
    for id in packet.extensions.ids { _ = packet.extensions.audioLevel(id: id) }
    check(packet)
    // What a forwarder does: an extension of its own beside those that came.
    if (try? packet.extensions.set(packet.payload.prefix(20), id: bytes[size - 1] | 1)) != nil { check(packet) }
    packet.extensions.remove(bytes[size - 1] | 1)
    check(packet)
    return 0
}

private func check(_ packet: RTPPacket) {
    guard let bytes = try? packet.serialized() else { return }
    precondition(bytes.count == packet.serializedCount, "a packet is as long as it says")
    guard let again = try? RTPPacket(parsing: bytes.span) else { fatalError("what was written is read") }
    precondition(again.payload == packet.payload && again.paddingCount == packet.paddingCount, "the payload stays")
    precondition(again.extensions.ids == packet.extensions.ids, "the extensions stay")
    for id in packet.extensions.ids {
        precondition(again.extensions[id] == packet.extensions[id], "so does their data")
    }
}
