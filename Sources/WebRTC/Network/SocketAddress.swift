import CLinux
import Glibc

/// An IPv4 or IPv6 address with a port: where a datagram comes from or goes to.
public struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
    /// The address's bytes in network order.
    public enum Host: Sendable, Hashable {
        case v4(UInt32)
        case v6(UInt64, UInt64)
    }

    public var host: Host
    public var port: UInt16
    /// The interface of a link-local IPv6 address (its scope id), else 0.
    public var scope: UInt32

    public init(host: Host, port: UInt16, scope: UInt32 = 0) {
        self.host = host
        self.port = port
        self.scope = scope
    }

    /// - `ip`: `192.0.2.1` or `2001:db8::1`, without a scope.
    /// - Returns: nil for anything else, a name included.
    public init?(ip: String, port: UInt16) {
        var v4 = in_addr()
        var v6 = in6_addr()
        if unsafe inet_pton(AF_INET, ip, &v4) == 1 {
            self.init(host: .v4(UInt32(bigEndian: v4.s_addr)), port: port)
        } else if unsafe inet_pton(AF_INET6, ip, &v6) == 1 {
            let halves = unsafe withUnsafeBytes(of: &v6) { bytes in
                unsafe (
                    UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                )
            }
            self.init(host: .v6(halves.0, halves.1), port: port)
        } else {
            return nil
        }
    }

    public var isIPv6: Bool { if case .v6 = host { true } else { false } }

    /// The address without its port, as SDP writes it.
    public var ip: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        switch host {
        case .v4(let value):
            var address = in_addr(s_addr: value.bigEndian)
            _ = unsafe inet_ntop(AF_INET, &address, &text, socklen_t(text.count))
        case .v6(let high, let low):
            var halves = (high.bigEndian, low.bigEndian)
            _ = unsafe inet_ntop(AF_INET6, &halves, &text, socklen_t(text.count))
        }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// `192.0.2.1:4321` or `[2001:db8::1]:4321`.
    public var description: String { isIPv6 ? "[\(ip)]:\(port)" : "\(ip):\(port)" }
}
