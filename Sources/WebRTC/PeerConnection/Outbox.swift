import RTP

/// What is to be told once no lock is held.
struct Outbox: Sendable {
    var events: [PeerConnectionEvent] = []
    var packets: [(mid: String, packet: RTPPacket)] = []

    var isEmpty: Bool { events.isEmpty && packets.isEmpty }

    mutating func removeAll() {
        events.removeAll(keepingCapacity: true)
        packets.removeAll(keepingCapacity: true)
    }
}
