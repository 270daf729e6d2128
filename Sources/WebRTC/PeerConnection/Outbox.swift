import RTP

/// What is to be told once no lock is held.
struct Outbox: Sendable {
    var events: [PeerConnectionEvent] = []
    var packets: [(mid: String, packet: RTPPacket)] = []

    var isEmpty: Bool { events.isEmpty && packets.isEmpty }

    var hasStorage: Bool { events.capacity > 0 || packets.capacity > 0 }

    mutating func removeAll() {
        events.removeAll(keepingCapacity: true)
        packets.removeAll(keepingCapacity: true)
    }
}
