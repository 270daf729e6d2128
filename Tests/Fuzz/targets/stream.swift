import Media
import RTP

/// A stream of packets that somebody hostile numbers and stamps: the receiver's state and the jitter buffer never trap,
/// hold no more than their maximum and never give a packet out twice.
///
/// Each five bytes are a packet: step of the sequence, step of the timestamp, payload, and what happens after it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzStream(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    var receiver = RTPReceiver(clockRate: OpusPayload.clockRate)
    var buffer = JitterBuffer(clockRate: OpusPayload.clockRate)
    var packet = RTPPacket(payloadType: 111, sequenceNumber: 65_000, timestamp: 0xFFFF_0000, ssrc: 1, payload: [])
    var now = MonotonicInstant(nanoseconds: 1)
    var lastPlayed: SequenceNumber?
    for start in stride(from: 0, to: bytes.count - 4, by: 5) {
        // Small bytes are small steps, large ones go anywhere.
        packet.sequenceNumber = packet.sequenceNumber + step(bytes[start], wide: 257)
        packet.timestamp = packet.timestamp + step(bytes[start + 1], wide: 16_777_259) * 120
        packet.payload = [bytes[start + 2], bytes[start + 3] & 0x3F]
        now = now + .milliseconds(Int(bytes[start + 3]))
        let verdict = receiver.receive(packet.sequenceNumber, packet.timestamp, at: now)
        if verdict == .restarted {
            buffer.reset()
            lastPlayed = nil
        }
        if verdict != .rejected, let ticks = OpusPayload.ticks(of: packet.payload) {
            _ = buffer.insert(packet, ticks: ticks)
        }
        precondition(buffer.bufferedTicks <= 19_200 || buffer.bufferedTicks <= 5760, "no more than the maximum is held")
        let action = bytes[start + 4]
        if action & 0xF0 == 0xF0 { buffer.drop(downTo: Int(action & 0xF) * 480) }
        for _ in 0..<action & 0xF {
            guard case .play(let played) = buffer.next(isDue: action & 0x10 != 0) else { continue }
            if let lastPlayed { precondition(played.sequenceNumber != lastPlayed, "no packet is played twice") }
            lastPlayed = played.sequenceNumber
        }
    }
    _ = (receiver.lost, receiver.jitter, receiver.extendedHighest, receiver.takeFractionLost())
    return 0
}

private func step(_ byte: UInt8, wide: Int) -> Int {
    byte < 128 ? Int(byte) - 32 : (Int(byte) - 128) * wide
}
