import CLinux

/// A UDP socket on one address of this machine. Sending is safe on any thread.
final class UDPSocket: Sendable {
    let descriptor: Int32
    /// Where it is bound.
    let address: SocketAddress

    /// - `local`: port 0 takes any that is free.
    /// - Throws: `.socketFailed`.
    init(_ local: SocketAddress) throws(PeerConnectionError) {
        var bound = linux_address(local)
        descriptor = unsafe linux_udp_socket(&bound, Self.bufferBytes)
        guard descriptor >= 0 else {
            throw PeerConnectionError(.socketFailed, "bind(\(local.ip)): errno \(-descriptor)")
        }
        address = SocketAddress(bound)
    }

    deinit { _ = linux_close(descriptor) }

    /// Sends at once, or not at all.
    /// - Returns: whether the kernel took it.
    @discardableResult
    func send(_ bytes: [UInt8], to address: SocketAddress) -> Bool {
        var address = linux_address(address)
        return unsafe bytes.withUnsafeBytes { bytes in
            unsafe linux_send_datagram(descriptor, bytes.baseAddress, bytes.count, &address) == 0
        }
    }

    /// Holds what a keyframe bursts into, and what comes while the machine looks elsewhere for some 10 ms.
    private static let bufferBytes: Int32 = 1 << 20
}
