internal import COpenSSL
import Glibc
import Media

/// One DTLS 1.2 association (RFC 6347) that agrees on keys for SRTP (RFC 5764): datagrams in and out, no socket.
///
/// OpenSSL keeps its own clock for retransmissions (gettimeofday); ``deadline`` carries what is left of it over to `now`.
///
/// Thread: one at a time.
@safe final class DTLSSession {
    enum Role: Sendable { case client, server }

    enum State: Sendable, Hashable {
        case handshaking
        case connected(SRTPKeys)
        case closedByPeer
        case failed(PeerConnectionError)
    }

    let role: Role
    private(set) var state = State.handshaking
    /// When ``handleTimeout(now:)`` is to be called.
    private(set) var deadline: MonotonicInstant?

    private let remoteFingerprints: [DTLSFingerprint]
    private let ssl: OpaquePointer
    // Owned by `ssl`.
    private let input: OpaquePointer
    private let output: OpaquePointer
    private var datagrams: [[UInt8]] = []
    /// A client's first datagram, until the peer has said anything.
    private var hello: [UInt8]?
    private var refusedCertificate = false

    /// - `remoteFingerprints`: of the peer's description; its certificate has one of them, or the handshake fails.
    init(role: Role, remoteFingerprints: [DTLSFingerprint]) {
        self.role = role
        self.remoteFingerprints = remoteFingerprints
        guard let ssl = unsafe SSL_new(DTLSContext.shared.pointer), let input = unsafe BIO_new(BIO_s_mem()),
            let output = unsafe BIO_new(BIO_s_mem())
        else { fatalError("OpenSSL: \(OpenSSLError.takeText())") }
        unsafe self.ssl = unsafe ssl
        unsafe self.input = unsafe input
        unsafe self.output = unsafe output
        // An empty memory BIO means "later", not "end".
        unsafe BIO_ctrl(input, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, nil)
        unsafe SSL_set_bio(ssl, input, output)
        unsafe SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
        unsafe SSL_ctrl(ssl, SSL_CTRL_SET_MTU, Self.datagramLimit, nil)
        unsafe DTLS_set_timer_cb(ssl, nextTimeout)
        switch role {
        case .client: unsafe SSL_set_connect_state(ssl)
        case .server: unsafe SSL_set_accept_state(ssl)
        }
    }

    deinit { unsafe SSL_free(ssl) }

    /// Begins: a client says hello.
    func start(now: MonotonicInstant) {
        advance(now: now)
        if role == .client { hello = datagrams.last }
    }

    /// Says hello once more where no answer has come: when the peer is known to be ready now, and may not have been before.
    /// The same record, which a peer that has it drops as a replay.
    func repeatHello() {
        if let hello { datagrams.append(hello) }
    }

    /// Takes a datagram of the peer; any bytes are safe.
    func receive(_ datagram: Span<UInt8>, now: MonotonicInstant) {
        hello = nil
        unsafe datagram.withUnsafeBufferPointer { bytes in
            _ = unsafe BIO_write(input, bytes.baseAddress, Int32(bytes.count))
        }
        advance(now: now)
    }

    func handleTimeout(now: MonotonicInstant) {
        guard let deadline, now >= deadline, case .handshaking = state else { return }
        ERR_clear_error()
        if unsafe SSL_ctrl(ssl, DTLS_CTRL_HANDLE_TIMEOUT, 0, nil) < 0 {
            state = .failed(
                PeerConnectionError(.handshakeFailed, "DTLS: no answer (\(OpenSSLError.takeText()))"))
        }
        finishStep(now: now)
    }

    /// Tells the peer that this is the end (close_notify).
    func close(now: MonotonicInstant) {
        if case .connected = state { unsafe SSL_shutdown(ssl) }
        finishStep(now: now)
    }

    /// The next datagram for the peer, or nil.
    func nextDatagram() -> [UInt8]? { datagrams.isEmpty ? nil : datagrams.removeFirst() }

    /// Whether the peer's certificate is one that signalling named.
    /// - `certificate`: an X509.
    func accepts(_ certificate: OpaquePointer) -> Bool {
        var isNamed = false
        for fingerprint in remoteFingerprints { isNamed = unsafe fingerprint.matches(certificate) || isNamed }
        refusedCertificate = !isNamed
        return isNamed
    }

    // MARK: Steps

    private func advance(now: MonotonicInstant) {
        ERR_clear_error()
        switch state {
        case .handshaking: handshake()
        case .connected: read()
        case .closedByPeer, .failed: break
        }
        finishStep(now: now)
    }

    private func handshake() {
        let status = unsafe SSL_do_handshake(ssl)
        if status == 1 {
            if let keys = exportKeys() {
                state = .connected(keys)
                read()
            } else {
                state = .failed(
                    PeerConnectionError(.handshakeFailed, "DTLS: no SRTP profile in common (RFC 5764 §4.1.2)"))
            }
        } else {
            judge(status)
        }
    }

    /// Takes what comes after the handshake: retransmissions of its last flight, and the end. There is no data.
    private func read() {
        var sink: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        while true {
            let status = unsafe SSL_read(ssl, &sink, 32)
            if status <= 0 {
                judge(status)
                return
            }
        }
    }

    private func judge(_ status: Int32) {
        switch unsafe SSL_get_error(ssl, status) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: break
        case SSL_ERROR_ZERO_RETURN: state = .closedByPeer
        default:
            let text = OpenSSLError.takeText()
            state = .failed(
                refusedCertificate
                    ? PeerConnectionError(
                        .wrongFingerprint,
                        "DTLS: the peer's certificate is not the one its description names (RFC 8122 §6.2)")
                    : PeerConnectionError(.handshakeFailed, "DTLS: \(text)"))
        }
    }

    private func finishStep(now: MonotonicInstant) {
        collect()
        deadline = nil
        guard case .handshaking = state else { return }
        var left = timeval()
        if unsafe SSL_ctrl(ssl, DTLS_CTRL_GET_TIMEOUT, 0, &left) == 1 {
            // Never at once: OpenSSL's clock and ours may disagree on whether the time has come.
            deadline = now + max(.milliseconds(1), .seconds(left.tv_sec) + .microseconds(left.tv_usec))
        }
    }

    /// Cuts what OpenSSL has written into datagrams.
    private func collect() {
        let count = unsafe BIO_ctrl_pending(output)
        guard count > 0 else { return }
        var bytes = [UInt8](repeating: 0, count: count)
        guard unsafe BIO_read(output, &bytes, Int32(count)) == Int32(count) else { return }
        var offset = 0
        while let range = DTLSRecords.datagram(in: bytes.span, from: offset, limit: Self.datagramLimit) {
            datagrams.append(Array(bytes[range]))
            offset = range.upperBound
        }
    }

    private func exportKeys() -> SRTPKeys? {
        guard let selected = unsafe SSL_get_selected_srtp_profile(ssl),
            let profile = SRTPProfile(rawValue: UInt16(truncatingIfNeeded: unsafe selected.pointee.id))
        else { return nil }
        let (key, salt) = (profile.keyCount, profile.saltCount)
        var material = [UInt8](repeating: 0, count: 2 * (key + salt))
        let label = "EXTRACTOR-dtls_srtp"
        guard
            unsafe SSL_export_keying_material(
                ssl, &material, material.count, label, label.utf8.count, nil, 0, 0) == 1
        else { return nil }
        // Both keys, then both salts (RFC 5764 §4.2).
        let client = Array(material[..<key] + material[2 * key..<2 * key + salt])
        let server = Array(material[key..<2 * key] + material[(2 * key + salt)...])
        return SRTPKeys(
            profile: profile, local: role == .client ? client : server, remote: role == .client ? server : client)
    }

    /// Room for TURN and IPv6 within an MTU of 1,280.
    private static let datagramLimit = 1200
}

/// From the first sending of a flight to its next, in µs: 20 ms that double. OpenSSL's own is a second, which a hello that came
/// before the peer was ready costs.
private func nextTimeout(_: OpaquePointer?, _ last: UInt32) -> UInt32 {
    last == 0 ? 20_000 : min(2 * last, 4_000_000)
}
