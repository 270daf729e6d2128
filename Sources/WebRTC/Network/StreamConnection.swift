import CLinux
import Glibc

/// A TCP connection to a TURN server, with TLS where that is asked for.
///
/// Thread: one at a time, under the lock of its connection.
final class StreamConnection {
    enum News {
        case opened
        case received([UInt8])
        case closed(String)
    }

    /// -1 where the kernel refused a socket.
    let descriptor: Int32
    let isTLS: Bool
    /// Whether the socket's being writable is waited for.
    var waitsForRoom: Bool { !isConnected || !pending.isEmpty }

    private let tls: TLSChannel?
    private var isConnected = false
    private var isOpen = false
    private var failure: String?
    private var pending: [UInt8] = []

    /// Begins to connect.
    /// - `tlsName`: whom the certificate must be for; nil for plain TCP.
    init(to address: SocketAddress, tlsName: String?, trust: TLSTrust) {
        var remote = linux_address(address)
        descriptor = unsafe linux_tcp_connect(&remote)
        isTLS = tlsName != nil
        tls = tlsName.flatMap { TLSChannel(name: $0, trust: trust) }
        if descriptor < 0 { failure = "connect(\(address)): errno \(-descriptor)" }
        if tlsName != nil, tls == nil { failure = "TLS: the certificate authorities cannot be read" }
    }

    deinit { if descriptor >= 0 { _ = linux_close(descriptor) } }

    /// What came of the socket's being ready.
    func socketIsReady() -> [News] {
        if let failure { return [.closed(failure)] }
        var news: [News] = []
        if !isConnected {
            let status = linux_socket_error(descriptor)
            guard status == 0 else { return [.closed("errno \(-status)")] }
            isConnected = true
            if let tls { _ = tls.receive([]) } else { news.append(.opened) }
        }
        receive(&news)
        flush()
        if let failure { news.append(.closed(failure)) }
        return news
    }

    func send(_ bytes: [UInt8]) {
        guard failure == nil else { return }
        // Media must not pile up behind a connection that stands still.
        guard pending.count < Self.maximumPending else { return }
        if let tls { tls.send(bytes) } else { pending += bytes }
        flush()
    }

    private func receive(_ news: inout [News]) {
        var storage = [UInt8](repeating: 0, count: 16_384)
        while failure == nil {
            let count = unsafe linux_receive_stream(descriptor, &storage, storage.count)
            if count == -Int(EAGAIN) || count == -Int(EINTR) { return }
            // Nothing has come of a connection that is not there yet.
            if count == -Int(ENOTCONN) { return }
            guard count > 0 else {
                failure = count == 0 ? "closed by the server" : "errno \(-count)"
                return
            }
            take(Array(storage.prefix(count)), &news)
        }
    }

    private func take(_ bytes: [UInt8], _ news: inout [News]) {
        guard let tls else {
            news.append(.received(bytes))
            return
        }
        let plain = tls.receive(bytes)
        if tls.isOpen, !isOpen {
            isOpen = true
            news.append(.opened)
        }
        if !plain.isEmpty { news.append(.received(plain)) }
        if let reason = tls.failure { failure = "TLS: \(reason)" }
    }

    private func flush() {
        if let tls { pending += tls.takeOutput() }
        guard isConnected, !pending.isEmpty else { return }
        let sent = unsafe linux_send_stream(descriptor, pending, pending.count)
        if sent > 0 {
            pending.removeFirst(sent)
        } else if sent != -Int(EAGAIN), sent != -Int(EINTR) {
            failure = "errno \(-sent)"
        }
    }

    private static let maximumPending = 256 * 1024
}
