import RTP

/// Any bytes: parsing never traps, and what was read is written and read again as it was.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRTCP(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    for packet in RTCPDatagram(parsing: bytes.span).packets {
        var writer = RTCPWriter(maximumBytes: 65_536)
        guard writer.append(packet) else {
            precondition(writer.bytes.isEmpty, "what does not fit leaves nothing behind")
            continue
        }
        precondition(writer.bytes.count % 4 == 0, "a packet fills whole words")
        let again = RTCPDatagram(parsing: writer.bytes.span)
        precondition(again.malformed == 0 && again.packets.count == 1, "what was written is read")
        // A rate beyond 64 bits has become the largest that its field can say.
        if case .remb(_, .max, _) = packet { continue }
        precondition(again.packets[0] == packet, "as it was")
    }
    return 0
}
