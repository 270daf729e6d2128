import Glibc

/// Sends media over the path that ICE has chosen: datagrams are written into its storage, and leave in batches.
///
/// Thread: one at a time.
@safe final class RouteSender {
    struct Counters: Sendable, Hashable {
        var packets: Int64 = 0
        var bytes: Int64 = 0
        /// What the kernel would not take.
        var refused: Int64 = 0
    }

    private(set) var counters = Counters()
    private let batch = DatagramBatch(count: 16)
    private var queuedBytes = 0
    private var queued = 0
    private var socket: UDPSocket?
    private var stream: StreamConnection?
    private var destination = SocketAddress(host: .v4(0), port: 0)
    private var channel: UInt16?

    /// Whether there is a path.
    var isOpen: Bool { socket != nil || stream != nil }

    /// Sends over a path from now on, or (nil) nowhere.
    func set(_ route: ICERoute?, socket: UDPSocket?, stream: StreamConnection? = nil) {
        flush()
        self.socket = socket
        self.stream = stream
        guard let route else { return }
        destination = route.destination
        channel = route.channel
    }

    /// The storage of the next datagram; what is written there counts with ``commit(_:)``.
    var storage: UnsafeMutableBufferPointer<UInt8> {
        unsafe UnsafeMutableBufferPointer(rebasing: batch.storage(queued)[Self.headroom...])
    }

    /// Queues the datagram of `count` bytes that was written into ``storage``.
    func commit(_ count: Int) {
        guard isOpen else { return }
        if let channel {
            // ChannelData (RFC 8656 §12.4).
            let header = unsafe batch.storage(queued)
            unsafe header[0] = UInt8(channel >> 8)
            unsafe header[1] = UInt8(truncatingIfNeeded: channel)
            unsafe header[2] = UInt8(truncatingIfNeeded: count >> 8)
            unsafe header[3] = UInt8(truncatingIfNeeded: count)
        }
        if let stream {
            commit(count, to: stream)
            return
        }
        batch.set(queued, (channel == nil ? Self.headroom : 0)..<Self.headroom + count)
        queued += 1
        queuedBytes += count
        if queued == batch.capacity { flush() }
    }

    private func commit(_ count: Int, to stream: StreamConnection) {
        let datagram = unsafe batch.storage(queued)[..<(Self.headroom + count)]
        // Padded to a multiple of four (RFC 8656 §12.5).
        let padding = unsafe -datagram.count & 3
        stream.send(unsafe Array(datagram) + [UInt8](repeating: 0, count: padding))
        counters.packets += 1
        counters.bytes += Int64(count)
    }

    /// Sends what is queued.
    func flush() {
        guard queued > 0, let socket else { return }
        let sent = batch.send(queued, from: socket.descriptor, to: destination)
        counters.packets += Int64(sent)
        counters.bytes += Int64(queuedBytes)
        counters.refused += Int64(queued - sent)
        queued = 0
        queuedBytes = 0
    }

    /// Sends a datagram that lies elsewhere.
    func send(_ bytes: [UInt8]) {
        guard unsafe bytes.count <= storage.count else { return }
        for (index, byte) in bytes.enumerated() { unsafe storage[index] = byte }
        commit(bytes.count)
    }

    /// Room for the header of a TURN channel.
    private static let headroom = 4
}
