/// A transport address at which an agent may be reached (RFC 8445 §5.1), as SDP and trickle carry it (RFC 8839 §5.1).
package struct ICECandidate: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable {
        case host
        case serverReflexive = "srflx"
        case peerReflexive = "prflx"
        case relayed = "relay"

        /// The type preference (RFC 8445 §5.1.2.2).
        var preference: UInt32 {
            switch self {
            case .host: 126
            case .peerReflexive: 110
            case .serverReflexive: 100
            case .relayed: 0
            }
        }
    }

    package enum Transport: String, Sendable, Hashable {
        case udp, tcp
    }

    package enum Address: Sendable, Hashable {
        case ip(SocketAddress)
        /// A browser's `….local` name (draft-ietf-mmusic-mdns-ice-candidates), or any other that has to be resolved.
        case name(String, port: UInt16)
    }

    package var foundation: String
    /// 1: everything is bundled, and RTCP shares the port.
    package var component: Int
    package var transport: Transport
    package var priority: UInt32
    package var address: Address
    package var kind: Kind
    /// Where a reflexive or relayed candidate comes from: for people who look for faults.
    package var relatedAddress: SocketAddress?
    /// `active`, `passive` or `so` (RFC 6544).
    package var tcpType: String?

    package init(
        foundation: String, component: Int = 1, transport: Transport = .udp, priority: UInt32, address: Address,
        kind: Kind, relatedAddress: SocketAddress? = nil, tcpType: String? = nil
    ) {
        self.foundation = foundation
        self.component = component
        self.transport = transport
        self.priority = priority
        self.address = address
        self.kind = kind
        self.relatedAddress = relatedAddress
        self.tcpType = tcpType
    }

    /// The address, once it is known.
    package var socketAddress: SocketAddress? { if case .ip(let address) = address { address } else { nil } }

    /// The priority that RFC 8445 §5.1.2.1 gives a candidate of component 1.
    static func priority(_ kind: Kind, localPreference: UInt16) -> UInt32 {
        kind.preference << 24 | UInt32(localPreference) << 8 | 255
    }

    // MARK: SDP

    /// Reads the value of `a=candidate`, with or without the `a=`; what it does not know of extensions is skipped.
    /// - Throws: `.badCandidate`, also for transports other than UDP and TCP.
    package init(sdp line: String) throws(ICEError) {
        let text = line.hasPrefix("a=") ? line.dropFirst(2) : line[...]
        let fields = text.split(whereSeparator: \.isWhitespace)
        guard text.hasPrefix("candidate:"), fields.count >= 8, fields[6] == "typ" else {
            throw Self.bad(line, "is no candidate line")
        }
        foundation = String(fields[0].dropFirst("candidate:".count))
        guard 1...32 ~= foundation.utf8.count, let component = Int(fields[1]), 1...256 ~= component,
            let priority = UInt32(fields[3]), let port = UInt16(fields[5])
        else { throw Self.bad(line, "has a field out of range") }
        guard let transport = Transport(rawValue: fields[2].lowercased()), let kind = Kind(rawValue: String(fields[7]))
        else { throw Self.bad(line, "has an unknown transport or type") }
        self.component = component
        self.priority = priority
        self.transport = transport
        self.kind = kind
        let host = String(fields[4])
        if let ip = SocketAddress(ip: host, port: port) {
            address = .ip(ip)
        } else {
            guard 1...253 ~= host.utf8.count, host.utf8.allSatisfy(Self.isNameCharacter) else {
                throw Self.bad(line, "has no address")
            }
            address = .name(host, port: port)
        }
        readExtensions(fields.dropFirst(8))
    }

    private mutating func readExtensions(_ fields: ArraySlice<Substring>) {
        var related: (ip: Substring?, port: UInt16) = (nil, 0)
        var index = fields.startIndex
        while index + 1 < fields.endIndex {
            let value = fields[index + 1]
            switch fields[index] {
            case "raddr": related.ip = value
            case "rport": related.port = UInt16(value) ?? 0
            case "tcptype": tcpType = String(value)
            default: break
            }
            index += 2
        }
        relatedAddress = related.ip.flatMap { SocketAddress(ip: String($0), port: related.port) }
    }

    /// `candidate:… typ …`, without `a=`.
    package var sdp: String {
        let (host, port) =
            switch address {
            case .ip(let address): (address.ip, address.port)
            case .name(let name, let port): (name, port)
            }
        var text =
            "candidate:\(foundation) \(component) \(transport.rawValue) \(priority) \(host) \(port) typ \(kind.rawValue)"
        if let relatedAddress { text += " raddr \(relatedAddress.ip) rport \(relatedAddress.port)" }
        if let tcpType { text += " tcptype \(tcpType)" }
        return text
    }

    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func bad(_ line: String, _ what: String) -> ICEError {
        ICEError(.badCandidate, "'\(line.prefix(120))' \(what) (RFC 8839 §5.1)")
    }
}
