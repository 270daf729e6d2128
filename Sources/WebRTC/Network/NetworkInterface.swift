import CLinux
import Glibc

/// An address of this machine.
struct NetworkInterface: Sendable, Hashable {
    /// `eth0`.
    var name: String
    /// With port 0.
    var address: SocketAddress

    /// How gladly it is used, 1–255: wires before radio, and both before what virtual machines and tunnels bring along.
    var preference: UInt8 {
        if address.isLoopback { return 1 }
        if name.hasPrefix("e") { return 255 }
        if name.hasPrefix("w") { return 200 }
        return 100
    }

    /// The addresses that others may reach us at: of interfaces that are up, without link-local ones.
    static func all() -> [NetworkInterface] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&list) == 0 else { return [] }
        defer { unsafe freeifaddrs(list) }
        var found: [NetworkInterface] = []
        var next = unsafe list
        while let entry = unsafe next {
            unsafe next = unsafe entry.pointee.ifa_next
            let isUp = unsafe entry.pointee.ifa_flags & UInt32(IFF_UP) != 0
            guard isUp, let address = unsafe SocketAddress(entry.pointee.ifa_addr), !address.isLinkLocal else {
                continue
            }
            found.append(NetworkInterface(name: unsafe String(cString: entry.pointee.ifa_name), address: address))
        }
        return found
    }
}

extension SocketAddress {
    /// - `pointer`: an IPv4 or IPv6 address of the system's; nil for others.
    init?(_ pointer: UnsafeMutablePointer<sockaddr>?) {
        guard let pointer = unsafe pointer else { return nil }
        let raw = UnsafeRawPointer(pointer)
        switch Int32(unsafe pointer.pointee.sa_family) {
        case AF_INET:
            let v4 = unsafe raw.loadUnaligned(as: sockaddr_in.self)
            self.init(host: .v4(UInt32(bigEndian: v4.sin_addr.s_addr)), port: UInt16(bigEndian: v4.sin_port))
        case AF_INET6:
            var v6 = unsafe raw.loadUnaligned(as: sockaddr_in6.self)
            let port = UInt16(bigEndian: v6.sin6_port)
            let halves = unsafe withUnsafeBytes(of: &v6.sin6_addr) { bytes in
                unsafe (
                    UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                )
            }
            self.init(host: .v6(halves.0, halves.1), port: port)
        default: return nil
        }
    }
}
