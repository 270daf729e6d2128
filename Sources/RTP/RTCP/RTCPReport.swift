/// What a receiver says of one stream (RFC 3550 §6.4.1).
package struct RTCPReportBlock: Sendable, Hashable {
    package var ssrc: SSRC
    /// The share lost since the report before, in 1/256.
    package var fractionLost: UInt8 = 0
    /// Packets lost since the beginning, −2²³…2²³−1; duplicates make it less.
    package var lost: Int32 = 0
    /// The highest sequence number, wraps in the upper half.
    package var highestSequence: UInt32 = 0
    /// The interarrival jitter in ticks of the stream's clock.
    package var jitter: UInt32 = 0
    /// The middle bits of the last sender report, 0 before the first.
    package var lastReport: UInt32 = 0
    /// Since that report came, in 1/65,536 s.
    package var delaySinceLastReport: UInt32 = 0

    package init(ssrc: SSRC) { self.ssrc = ssrc }

    static let byteCount = 24

    /// - Requires: 24 bytes from the offset on.
    init(parsing bytes: Span<UInt8>, at offset: Int) {
        ssrc = SSRC(rawValue: bytes.uint32(at: offset))
        let loss = bytes.uint32(at: offset + 4)
        fractionLost = UInt8(loss >> 24)
        lost = Int32(bitPattern: loss << 8) >> 8
        highestSequence = bytes.uint32(at: offset + 8)
        jitter = bytes.uint32(at: offset + 12)
        lastReport = bytes.uint32(at: offset + 16)
        delaySinceLastReport = bytes.uint32(at: offset + 20)
    }

    func write(to bytes: inout [UInt8]) {
        bytes.append(networkOrder: ssrc.rawValue)
        let loss = UInt32(bitPattern: min(0x7F_FFFF, max(-0x80_0000, lost))) & 0xFF_FFFF
        bytes.append(networkOrder: UInt32(fractionLost) << 24 | loss)
        bytes.append(networkOrder: highestSequence)
        bytes.append(networkOrder: jitter)
        bytes.append(networkOrder: lastReport)
        bytes.append(networkOrder: delaySinceLastReport)
    }
}

/// What a sender says of its stream (RFC 3550 §6.4.1).
package struct RTCPSenderReport: Sendable, Hashable {
    package var ssrc: SSRC
    package var time: NTPTimestamp
    /// The media time that corresponds to ``time``.
    package var timestamp: RTPTimestamp
    package var packets: UInt32
    package var payloadBytes: UInt32
    /// At most 31.
    package var blocks: [RTCPReportBlock]

    package init(
        ssrc: SSRC, time: NTPTimestamp, timestamp: RTPTimestamp, packets: UInt32, payloadBytes: UInt32,
        blocks: [RTCPReportBlock] = []
    ) {
        self.ssrc = ssrc
        self.time = time
        self.timestamp = timestamp
        self.packets = packets
        self.payloadBytes = payloadBytes
        self.blocks = blocks
    }
}
