/// The arrays of packets that were read and handed on, to read others into once nobody holds those any more: a steady
/// stream of packets is received without allocating.
package struct RTPPacketArrays: Sendable {
    struct Arrays: Sendable {
        var payload: [UInt8] = []
        var extensions: [UInt8] = []
    }

    /// In the order in which they were handed on, from `oldest`.
    private var ring: [Arrays]
    private var oldest = 0
    private var kept = 0

    /// - `count`: of packets whose arrays are kept. Half of them may be held by buffers and whoever was handed them, and half be
    ///   on their way, without new ones being allocated.
    package init(count: Int = 128) { ring = Array(repeating: Arrays(), count: count) }

    /// Arrays to fill, empty and nobody else's. The newest may be held still: where there are few, new ones are given.
    mutating func take() -> Arrays {
        guard kept > ring.count / 2 else { return Arrays() }
        var arrays = Arrays()
        swap(&arrays, &ring[oldest])
        oldest = (oldest + 1) % ring.count
        kept -= 1
        // In place where nobody else has them; otherwise these are others from here on.
        arrays.payload.removeAll(keepingCapacity: true)
        arrays.extensions.removeAll(keepingCapacity: true)
        return arrays
    }

    /// Keeps the arrays of a packet that is handed on, which whoever is handed it shares.
    package mutating func keep(_ packet: RTPPacket) {
        guard kept < ring.count else { return }
        ring[(oldest + kept) % ring.count] = Arrays(payload: packet.payload, extensions: packet.extensions.bytes)
        kept += 1
    }
}
