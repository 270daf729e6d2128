/// A STUN or TURN server of the application's choice.
public struct ICEServer: Sendable, Hashable {
    /// One URI of a server (RFC 7064, 7065).
    public struct Address: Sendable, Hashable {
        public enum Transport: Sendable, Hashable {
            case udp, tcp, tls
        }

        /// A name or an IP address, without brackets.
        public var host: String
        public var port: UInt16
        public var transport: Transport
        /// Whether it relays (`turn:`, `turns:`) or only tells addresses (`stun:`).
        public var isTURN: Bool
    }

    public var addresses: [Address]
    public var username: String
    public var credential: String

    /// - `urls`: `stun:host[:port]`, `turn:host[:port][?transport=udp|tcp]`, `turns:host[:port]`.
    /// - `username`, `credential`: a long-term credential; a TURN server needs one.
    /// - Throws: `.badServer`.
    public init(urls: [String], username: String = "", credential: String = "") throws(ICEError) {
        var addresses: [Address] = []
        for url in urls { addresses.append(try Address(url)) }
        guard !addresses.contains(where: \.isTURN) || (!username.isEmpty && !credential.isEmpty) else {
            throw ICEError(.badServer, "a TURN server needs a user name and a credential (RFC 8656 §5)")
        }
        self.addresses = addresses
        self.username = username
        self.credential = credential
    }
}

extension ICEServer.Address {
    init(_ url: String) throws(ICEError) {
        let parts = url.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let scheme = parts[0].prefix { $0 != ":" }.lowercased()
        let rest = parts[0].dropFirst(scheme.count + 1)
        guard ["stun", "turn", "turns"].contains(scheme), let (host, port) = Self.split(rest) else {
            throw ICEError(.badServer, "'\(url.prefix(120))' is no STUN or TURN URI (RFC 7064, 7065)")
        }
        self.host = host
        self.port = port ?? (scheme == "turns" ? 5349 : 3478)
        isTURN = scheme != "stun"
        switch (scheme, parts.count > 1 ? parts[1] : nil) {
        case ("stun", nil), ("turn", nil), ("turn", "transport=udp"): transport = .udp
        case ("turn", "transport=tcp"): transport = .tcp
        case ("turns", nil), ("turns", "transport=tcp"): transport = .tls
        default: throw ICEError(.badServer, "'\(url.prefix(120))' asks for a transport that is not served")
        }
    }

    /// `host`, `host:port`, `[v6]`, `[v6]:port`.
    private static func split(_ text: Substring) -> (String, UInt16?)? {
        let host: Substring
        let rest: Substring
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            rest = text[text.index(after: end)...]
        } else {
            host = text.prefix { $0 != ":" }
            rest = text.dropFirst(host.count)
        }
        guard !host.isEmpty, !host.contains("/"), !host.contains("@") else { return nil }
        guard !rest.isEmpty else { return (String(host), nil) }
        guard rest.hasPrefix(":"), let port = UInt16(rest.dropFirst()), port > 0 else { return nil }
        return (String(host), port)
    }
}
