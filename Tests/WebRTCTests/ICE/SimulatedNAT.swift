import Media

@testable import WebRTC

/// A NAT in front of the addresses of one network (RFC 4787).
final class SimulatedNAT {
    enum Kind {
        /// One outside port for each inside one, open to all.
        case fullCone
        /// One outside port for each inside one, open to whom the inside has sent to.
        case portRestricted
        /// Another outside port for each destination.
        case symmetric
    }

    private struct Mapping: Hashable {
        var inside: SocketAddress
        var destination: SocketAddress?
    }

    let kind: Kind
    private let prefix: UInt32
    private let outside: UInt32
    private var ports: [Mapping: UInt16] = [:]
    private var open: Set<[SocketAddress]> = []
    private var nextPort: UInt16 = 50_000

    /// - `network`: the inside's addresses, of which the first 24 bits count.
    init(_ kind: Kind, network: String, outside: String) {
        self.kind = kind
        prefix = Self.v4(network) >> 8
        self.outside = Self.v4(outside)
    }

    func covers(_ address: SocketAddress) -> Bool {
        if case .v4(let value) = address.host { value >> 8 == prefix } else { false }
    }

    func isPublic(_ address: SocketAddress) -> Bool { address.host == .v4(outside) }

    func translate(_ inside: SocketAddress, to destination: SocketAddress) -> SocketAddress {
        let mapping = Mapping(inside: inside, destination: kind == .symmetric ? destination : nil)
        let port = ports[mapping] ?? nextPort
        if ports.updateValue(port, forKey: mapping) == nil { nextPort += 1 }
        let source = SocketAddress(host: .v4(outside), port: port)
        open.insert([source, destination])
        return source
    }

    func inside(of destination: SocketAddress, from source: SocketAddress) -> SocketAddress? {
        guard kind == .fullCone || open.contains([destination, source]) else { return nil }
        return ports.first { $0.value == destination.port }?.key.inside
    }

    private static func v4(_ ip: String) -> UInt32 {
        guard case .v4(let value)? = SocketAddress(ip: ip, port: 0)?.host else { fatalError("not IPv4: \(ip)") }
        return value
    }
}
