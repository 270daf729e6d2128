internal import NIOSSL

/// How a WebSocket is opened.
struct WebSocketOptions: Sendable {
    /// `Sec-WebSocket-Protocol` (RFC 6455 §1.9), or nil.
    var subprotocol: String?
    var headers: [(name: String, value: String)] = []
    var tls = TLSVerification.system
    /// Bytes of one message, its fragments together.
    var maximumMessageSize = 1 << 20
    /// From the first packet to the server's word.
    var connectTimeout = Duration.seconds(8)
}

/// Whom a TLS connection trusts.
public enum TLSVerification: Sendable, Hashable {
    /// The machine's certificate authorities.
    case system
    /// Those in a PEM file alone.
    case authorities(file: String)
    /// Anybody: for tests and networks of one's own.
    case none

    func makeContext() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        switch self {
        case .system: break
        case .authorities(let file): configuration.trustRoots = .file(file)
        case .none: configuration.certificateVerification = .none
        }
        return try NIOSSLContext(configuration: configuration)
    }
}
