import Media

/// The newest packets of a stream that is sent, for those who ask for one again.
///
/// Slots are made once and filled over and over; the payloads are the pipeline's arrays, not copies.
struct PacketHistory: Sendable {
    /// Packets kept at most.
    private static let slots = 512
    /// Payload bytes kept at most.
    private static let maximumBytes = 1_000_000
    private static let maximumAge = Duration.seconds(2)

    private struct Entry {
        var packet: RTPPacket
        var sentAt: MonotonicInstant
        var resentAt: MonotonicInstant?
    }

    /// What became of a request.
    enum Answer: Sendable {
        case packet(RTPPacket)
        /// Sent again a moment ago: that answer is still on its way.
        case recent
        case gone
    }

    private var entries: [Entry?] = Array(repeating: nil, count: slots)
    private var bytes = 0
    private var oldest: SequenceNumber?
    private var newest: SequenceNumber?

    mutating func insert(_ packet: RTPPacket, now: MonotonicInstant) {
        let number = packet.sequenceNumber
        if let newest, abs(newest.distance(to: number)) >= Self.slots { removeAll() }
        remove(at: Self.slot(number))
        entries[Self.slot(number)] = Entry(packet: packet, sentAt: now)
        bytes += packet.payload.count
        if newest.map({ number.isNewer(than: $0) }) ?? true { newest = number }
        if oldest.map({ $0.isNewer(than: number) }) ?? true { oldest = number }
        shrink()
    }

    /// The packet with a number, noted as sent again.
    /// - `roundTrip`: within it, a second request is for the same loss.
    mutating func answer(_ number: SequenceNumber, now: MonotonicInstant, roundTrip: Duration) -> Answer {
        let slot = Self.slot(number)
        guard let entry = entries[slot], entry.packet.sequenceNumber == number, now - entry.sentAt <= Self.maximumAge
        else { return .gone }
        if let resentAt = entry.resentAt, now - resentAt < roundTrip { return .recent }
        entries[slot]?.resentAt = now
        return .packet(entry.packet)
    }

    /// The newest packet that is not larger than this, to fill a probe with something of use.
    func filler(maximumBytes: Int) -> RTPPacket? {
        guard let newest else { return nil }
        for back in 0..<16 {
            guard let entry = entries[Self.slot(newest + -back)], entry.packet.sequenceNumber == newest + -back else {
                continue
            }
            if entry.packet.payload.count <= maximumBytes, entry.packet.payload.count * 2 >= maximumBytes {
                return entry.packet
            }
        }
        return nil
    }

    private mutating func shrink() {
        while bytes > Self.maximumBytes, let oldest, let newest, oldest != newest {
            remove(at: Self.slot(oldest))
            self.oldest = oldest + 1
        }
        if let oldest, let newest, oldest.distance(to: newest) >= Self.slots { self.oldest = newest + (1 - Self.slots) }
    }

    private mutating func remove(at slot: Int) {
        bytes -= entries[slot]?.packet.payload.count ?? 0
        entries[slot] = nil
    }

    private mutating func removeAll() {
        for slot in entries.indices { entries[slot] = nil }
        bytes = 0
        oldest = nil
        newest = nil
    }

    private static func slot(_ number: SequenceNumber) -> Int { Int(number.rawValue) & (slots - 1) }
}
