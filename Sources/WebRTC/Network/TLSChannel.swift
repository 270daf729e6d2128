internal import COpenSSL

/// TLS of a client over bytes (OpenSSL): the server's certificate is checked, and its name.
///
/// Thread: one at a time.
@safe final class TLSChannel {
    private(set) var isOpen = false
    private(set) var failure: String?
    private let ssl: OpaquePointer
    // Owned by `ssl`.
    private let input: OpaquePointer
    private let output: OpaquePointer

    /// - `name`: the host name or IP address that the certificate must be for.
    /// - Returns: nil when the trust cannot be set up (no such file).
    init?(name: String, trust: TLSTrust) {
        guard let context = unsafe SSL_CTX_new(TLS_client_method()) else { return nil }
        defer { unsafe SSL_CTX_free(context) }
        unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
        switch trust {
        case .system: guard unsafe SSL_CTX_set_default_verify_paths(context) == 1 else { return nil }
        case .file(let path): guard unsafe SSL_CTX_load_verify_file(context, path) == 1 else { return nil }
        case .anybody: break
        }
        unsafe SSL_CTX_set_verify(context, trust == .anybody ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nil)
        guard let ssl = unsafe SSL_new(context), let input = unsafe BIO_new(BIO_s_mem()),
            let output = unsafe BIO_new(BIO_s_mem())
        else { return nil }
        unsafe self.ssl = unsafe ssl
        unsafe self.input = unsafe input
        unsafe self.output = unsafe output
        unsafe SSL_set_bio(ssl, input, output)
        unsafe SSL_set_connect_state(ssl)
        if SocketAddress(ip: name, port: 0) != nil {
            unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name)
        } else {
            unsafe SSL_set1_host(ssl, name)
            var name = Array(name.utf8CString)
            unsafe SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name), &name)
        }
    }

    deinit { unsafe SSL_free(ssl) }

    /// Takes bytes from the wire; opens the channel as far as it goes.
    /// - Returns: what the server says to us.
    func receive(_ bytes: [UInt8]) -> [UInt8] {
        if !bytes.isEmpty { unsafe BIO_write(input, bytes, Int32(bytes.count)) }
        ERR_clear_error()
        if !isOpen {
            let status = unsafe SSL_do_handshake(ssl)
            guard status == 1 else {
                judge(status)
                return []
            }
            isOpen = true
        }
        var plain: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe SSL_read(ssl, &piece, Int32(piece.count))
            guard count > 0 else {
                judge(count)
                return plain
            }
            plain += piece.prefix(Int(count))
        }
    }

    /// Says something to the server, once open.
    func send(_ bytes: [UInt8]) {
        guard isOpen, failure == nil, !bytes.isEmpty else { return }
        ERR_clear_error()
        let status = unsafe SSL_write(ssl, bytes, Int32(bytes.count))
        if status <= 0 { judge(status) }
    }

    /// What has to go to the wire.
    func takeOutput() -> [UInt8] {
        let count = unsafe BIO_ctrl_pending(output)
        guard count > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: count)
        return unsafe BIO_read(output, &bytes, Int32(count)) == Int32(count) ? bytes : []
    }

    private func judge(_ status: Int32) {
        switch unsafe SSL_get_error(ssl, status) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: break
        case SSL_ERROR_ZERO_RETURN: failure = "closed by the server"
        default:
            let verification = unsafe SSL_get_verify_result(ssl)
            failure =
                verification == Int(X509_V_OK)
                ? OpenSSLError.takeText()
                : unsafe String(cString: X509_verify_cert_error_string(verification))
        }
    }
}
