import Media

/// Spreads what is not urgent over time: retransmissions first, then pictures, then what fills a probe.
///
/// It sends a little ahead, so that its timer need not ring for every packet.
struct Pacer: Sendable {
    /// Bits a second, above the estimate: a picture of several packets goes out faster than pictures come.
    private var rate: Double
    private var repairs = PacketFIFO()
    private var pictures = PacketFIFO()
    private(set) var queuedBytes = 0
    /// Bits sent ahead of the rate.
    private var debt = 0.0
    private var updatedAt: MonotonicInstant?
    /// The probe that goes out now, and what of it has gone.
    private(set) var probe: Probe?
    private var probePackets = 0
    private var probeBytes = 0
    private var probeStartedAt: MonotonicInstant?

    /// - `rate`: the estimate, bits a second.
    init(rate: Double) { self.rate = rate * Self.factor }

    mutating func set(rate: Double) { self.rate = rate * Self.factor }

    var isEmpty: Bool { repairs.isEmpty && pictures.isEmpty }
    var isFull: Bool { repairs.count + pictures.count >= Self.maximumPackets }

    mutating func enqueue(_ packet: OutgoingPacket, now: MonotonicInstant) {
        queuedBytes += packet.serializedCount
        if packet.isRepair { repairs.append(packet, now) } else { pictures.append(packet, now) }
    }

    /// Drops what a stream has waiting.
    mutating func remove(_ ssrc: SSRC, rtx: SSRC?) {
        for packet in repairs.removeAll() + pictures.removeAll() {
            queuedBytes -= packet.packet.serializedCount
            guard packet.packet.packet.ssrc != ssrc, packet.packet.packet.ssrc != rtx else { continue }
            enqueue(packet.packet, now: packet.enqueuedAt)
        }
    }

    mutating func begin(_ probe: Probe, now: MonotonicInstant) {
        self.probe = probe
        probePackets = 0
        probeBytes = 0
        probeStartedAt = nil
    }

    /// Whether a packet may go now.
    func isDue(now: MonotonicInstant) -> Bool {
        if let due = probeDue { return due <= now }
        return debt(at: now) <= 0
    }

    /// When the next packet may go; nil while nothing waits.
    /// - `canFill`: packets can be made up for a probe.
    func deadline(canFill: Bool) -> MonotonicInstant? {
        guard !isEmpty || probe != nil && canFill, let updatedAt else { return nil }
        if let probeDue { return probeDue }
        // Rounded up: at the deadline the debt is paid.
        return updatedAt + .nanoseconds(Int64(max(0, debt) / sendingRate(updatedAt) * 1e9) + 1000)
    }

    /// The next packet that waits.
    mutating func next() -> OutgoingPacket? {
        guard let packet = repairs.isEmpty ? pictures.removeFirst() : repairs.removeFirst() else { return nil }
        queuedBytes -= packet.serializedCount
        return packet
    }

    /// Takes note of what went on the wire, sound included.
    mutating func noteSent(bytes: Int, isPaced: Bool, now: MonotonicInstant) {
        debt = debt(at: now)
        updatedAt = now
        guard isPaced else { return }
        // Debt up to a burst is forgiven: packets of a burst go together.
        debt = max(debt, -sendingRate(now) * Self.burst) + Double(8 * bytes)
        guard let probe else { return }
        if probeStartedAt == nil { probeStartedAt = now }
        probePackets += 1
        probeBytes += bytes
        if probePackets >= Probe.minimumPackets, probeBytes >= probe.minimumBytes { self.probe = nil }
    }

    private var probeDue: MonotonicInstant? {
        guard let probe else { return nil }
        guard let probeStartedAt else { return MonotonicInstant(nanoseconds: .min) }
        return probeStartedAt + .nanoseconds(Int64(Double(8 * probeBytes) / probe.rate * 1e9))
    }

    private func debt(at now: MonotonicInstant) -> Double {
        guard let updatedAt else { return 0 }
        let elapsed = Double(max(0, (now - updatedAt).nanoseconds)) / 1e9
        let rate = sendingRate(now)
        return max(-rate * Self.burst, debt - elapsed * rate)
    }

    /// The rate, or more where packets would wait too long.
    private func sendingRate(_ now: MonotonicInstant) -> Double {
        guard let oldest = earliest(repairs.oldest, pictures.oldest) else { return rate }
        let left = max(.milliseconds(5), Self.maximumWait - (now - oldest))
        return max(rate, Double(8 * queuedBytes) / (Double(left.nanoseconds) / 1e9))
    }

    private func earliest(_ a: MonotonicInstant?, _ b: MonotonicInstant?) -> MonotonicInstant? {
        guard let a, let b else { return a ?? b }
        return min(a, b)
    }

    private static let factor = 2.5
    /// Seconds sent ahead.
    private static let burst = 0.01
    private static let maximumWait = Duration.milliseconds(400)
    private static let maximumPackets = 1000
}

/// Packets that wait, first in first out; its storage is kept.
struct PacketFIFO: Sendable {
    struct Waiting: Sendable {
        var packet: OutgoingPacket
        var enqueuedAt: MonotonicInstant
    }

    private var packets: [Waiting?] = []
    private var first = 0

    var count: Int { packets.count - first }
    var isEmpty: Bool { count == 0 }
    var oldest: MonotonicInstant? { isEmpty ? nil : packets[first]?.enqueuedAt }

    mutating func append(_ packet: OutgoingPacket, _ now: MonotonicInstant) {
        packets.append(Waiting(packet: packet, enqueuedAt: now))
    }

    mutating func removeFirst() -> OutgoingPacket? {
        guard !isEmpty else { return nil }
        defer {
            packets[first] = nil
            first += 1
            if first == packets.count {
                packets.removeAll(keepingCapacity: true)
                first = 0
            } else if first >= 256 {
                packets.removeFirst(first)
                first = 0
            }
        }
        return packets[first]?.packet
    }

    mutating func removeAll() -> [Waiting] {
        defer {
            packets.removeAll(keepingCapacity: true)
            first = 0
        }
        return packets[first...].compactMap { $0 }
    }
}
