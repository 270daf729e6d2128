internal import FoundationEssentials

/// A server's address, taken apart: `wss://host:8989/janus`.
struct ServiceURL: Sendable, Hashable {
    var isSecure: Bool
    var host: String
    var port: Int
    /// With the query; at least `/`.
    var path: String

    /// Reads `ws:` and `wss:` URLs; nil for anything else.
    init?(webSocket text: String) {
        guard let url = URL(string: text), let scheme = url.scheme?.lowercased(), scheme == "ws" || scheme == "wss",
            let host = url.host(percentEncoded: false), !host.isEmpty
        else { return nil }
        isSecure = scheme == "wss"
        self.host = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        port = url.port ?? (isSecure ? 443 : 80)
        guard (1...65_535).contains(port) else { return nil }
        let path = url.path(percentEncoded: true)
        self.path = (path.isEmpty ? "/" : path) + (url.query(percentEncoded: true).map { "?\($0)" } ?? "")
    }

    /// What `Host` says (RFC 9110 §7.2).
    var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }
}
