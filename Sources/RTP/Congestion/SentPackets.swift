import Media

/// The packets that were sent under a transport-wide sequence number, until the far side tells of them.
struct SentPackets: Sendable {
    /// Packets that are remembered: two seconds at 20 Mbit/s.
    private static let window: Int64 = 4096

    private struct Entry {
        var number: Int64
        var sentAt: MonotonicInstant
        var bytes: Int32
        var probe: Int32
        var isTold: Bool
    }

    private var entries: [Entry] = []
    /// The next packet's; the wire has the lower 16 bits.
    private var next: Int64 = 0
    private var referenceTime: Int64?

    /// Takes note of a packet.
    /// - Returns: its transport-wide sequence number.
    mutating func insert(bytes: Int, probe: Int?, now: MonotonicInstant) -> UInt16 {
        let entry = Entry(
            number: next, sentAt: now, bytes: Int32(clamping: bytes), probe: Int32(clamping: probe ?? -1), isTold: false
        )
        // Grows up to the window, once.
        if entries.count < Self.window { entries.append(entry) } else { entries[Self.slot(next)] = entry }
        defer { next += 1 }
        return UInt16(truncatingIfNeeded: next)
    }

    /// What a message tells of packets that nothing was told of before, by their numbers; then all of it is forgotten, but
    /// for what was missing and may still be told of.
    mutating func take(_ feedback: TransportFeedback, _ results: inout [PacketResult]) {
        var arrival = unwrap(feedback.referenceTime) * 64_000
        var number = count(of: feedback.first)
        for delta in feedback.arrivals {
            if let delta { arrival += Int64(delta) * 250 }
            let slot = Self.slot(number)
            if number >= 0, number < next, number >= next - Self.window, !entries[slot].isTold {
                let entry = entries[slot]
                results.append(
                    PacketResult(
                        sentAt: entry.sentAt, arrival: delta == nil ? nil : arrival, bytes: Int(entry.bytes),
                        probe: entry.probe < 0 ? nil : Int(entry.probe)))
                if delta != nil { entries[slot].isTold = true }
            }
            number += 1
        }
    }

    /// The packet that 16 bits mean: the newest that has been sent.
    private func count(of number: SequenceNumber) -> Int64 {
        let last = next - 1
        return last + Int64(SequenceNumber(rawValue: UInt16(truncatingIfNeeded: last)).distance(to: number))
    }

    /// 24 bits that wrap.
    private mutating func unwrap(_ reference: Int32) -> Int64 {
        guard let last = referenceTime else {
            referenceTime = Int64(reference)
            return Int64(reference)
        }
        let step = (Int32(truncatingIfNeeded: Int64(reference) - last) << 8) >> 8
        referenceTime = last + Int64(step)
        return last + Int64(step)
    }

    private static func slot(_ number: Int64) -> Int { Int(truncatingIfNeeded: number & (window - 1)) }
}
