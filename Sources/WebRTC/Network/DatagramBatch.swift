import CLinux

/// Storage for datagrams that one system call receives or sends.
///
/// Thread: one at a time, which its owner sees to: the poller's thread, or who holds a connection's lock.
@safe final class DatagramBatch: @unchecked Sendable {
    /// Bytes of one datagram: an Ethernet frame with SRTP's trailer behind it, and more than any peer of ours sends.
    static let size = 2048

    let capacity: Int
    private let batch: OpaquePointer

    init(count: Int) {
        guard let batch = unsafe linux_batch_new(Int32(count), Int32(Self.size)) else { fatalError("out of memory") }
        capacity = count
        unsafe self.batch = unsafe batch
    }

    deinit { unsafe linux_batch_free(batch) }

    /// The storage of one datagram.
    func storage(_ index: Int) -> UnsafeMutableBufferPointer<UInt8> {
        precondition(index >= 0 && index < capacity, "an index within the batch")
        return unsafe UnsafeMutableBufferPointer(start: linux_batch_bytes(batch, Int32(index)), count: Self.size)
    }

    /// - Returns: how many datagrams came; 0 for an error too, which level-triggered polling brings up again.
    func receive(from descriptor: Int32) -> Int { max(0, Int(unsafe linux_batch_receive(batch, descriptor))) }

    /// A received datagram; empty for one that was too large.
    func received(_ index: Int) -> UnsafeMutableBufferPointer<UInt8> {
        let count = Int(unsafe linux_batch_count(batch, Int32(index)))
        return unsafe UnsafeMutableBufferPointer(rebasing: storage(index)[..<count])
    }

    func source(_ index: Int) -> SocketAddress { unsafe SocketAddress(linux_batch_source(batch, Int32(index))) }

    /// Says where in its storage a datagram to be sent lies.
    func set(_ index: Int, _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= Self.size, "a range within the storage")
        unsafe linux_batch_set(batch, Int32(index), Int32(range.lowerBound), Int32(range.count))
    }

    /// Sends the first `count` datagrams.
    /// - Returns: how many the kernel took.
    func send(_ count: Int, from descriptor: Int32, to address: SocketAddress) -> Int {
        var address = linux_address(address)
        return max(0, Int(unsafe linux_batch_send(batch, descriptor, Int32(count), &address)))
    }
}
