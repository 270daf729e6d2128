import Media

/// Makes one stream of the packets of one source after another: each source goes on where the one before ended.
struct Renumbering: Sendable {
    private var source: SSRC?
    private var sequenceOffset = 0
    private var timestampOffset = 0
    /// The newest packet, as written.
    private var last: (sequenceNumber: SequenceNumber, timestamp: RTPTimestamp, at: MonotonicInstant)?

    /// - `clockRate`: ticks a second of the timestamps.
    mutating func apply(to packet: inout RTPPacket, clockRate: Int32, now: MonotonicInstant) {
        if packet.ssrc != source { change(to: packet, clockRate, now) }
        packet.sequenceNumber = packet.sequenceNumber + sequenceOffset
        packet.timestamp = packet.timestamp + timestampOffset
        if let last, !packet.sequenceNumber.isNewer(than: last.sequenceNumber) { return }
        last = (packet.sequenceNumber, packet.timestamp, now)
    }

    private mutating func change(to packet: RTPPacket, _ clockRate: Int32, _ now: MonotonicInstant) {
        source = packet.ssrc
        guard let last else { return }
        // As much media time as passed, and at least a tick: a receiver must not take two pictures for one.
        let elapsed = Int(max(1, (now - last.at).nanoseconds / 1_000 * Int64(clockRate) / 1_000_000))
        sequenceOffset = packet.sequenceNumber.distance(to: last.sequenceNumber + 1)
        timestampOffset = packet.timestamp.distance(to: last.timestamp + elapsed)
    }
}
