internal import COpenSSL
import Glibc

/// What all DTLS associations of the process share: one self-signed ECDSA P-256 certificate, made at the first use, and
/// OpenSSL's context with it.
///
/// Thread: any; OpenSSL counts a context's references under locks of its own.
@safe final class DTLSContext: Sendable {
    static let shared = DTLSContext()

    /// An SSL_CTX.
    nonisolated(unsafe) let pointer: OpaquePointer
    let fingerprint: DTLSFingerprint

    private init() {
        // Without memory or entropy there is nothing to go on with.
        guard let key = unsafe Self.makeKey(), let certificate = unsafe Self.makeCertificate(key),
            let hash = unsafe DTLSFingerprint.hash(.sha256, of: certificate),
            let context = unsafe SSL_CTX_new(DTLS_method())
        else { fatalError("OpenSSL: \(OpenSSLError.takeText())") }
        defer {
            unsafe X509_free(certificate)
            unsafe EVP_PKEY_free(key)
        }
        unsafe pointer = unsafe context
        fingerprint = DTLSFingerprint(algorithm: .sha256, bytes: hash)
        unsafe Self.configure(context, certificate, key)
    }

    private static func configure(_ context: OpaquePointer, _ certificate: OpaquePointer, _ key: OpaquePointer) {
        unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(DTLS1_2_VERSION), nil)
        unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(DTLS1_2_VERSION), nil)
        unsafe SSL_CTX_set_options(context, noMTUQuery | noRenegotiation | noTicket)
        // A datagram is read in one piece, and no record may wait for the next.
        unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_READ_AHEAD, 1, nil)
        // Nothing is ever resumed, and the cache would keep every session of the process.
        unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
        let isReady =
            unsafe SSL_CTX_use_certificate(context, certificate) == 1
            && SSL_CTX_use_PrivateKey(context, key) == 1
            && SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES") == 1
            && SSL_CTX_set_tlsext_use_srtp(context, "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80") == 0
        precondition(isReady, "OpenSSL: \(OpenSSLError.takeText())")
        // Certificates are nobody's: what counts is the fingerprint that signalling brought (RFC 8122).
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        unsafe SSL_CTX_set_cert_verify_callback(context, verifyFingerprint, nil)
    }

    private static func makeKey() -> OpaquePointer? {
        guard let generator = unsafe EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil) else { return nil }
        defer { unsafe EVP_PKEY_CTX_free(generator) }
        var key: OpaquePointer?
        guard unsafe EVP_PKEY_keygen_init(generator) == 1,
            unsafe EVP_PKEY_CTX_set_ec_paramgen_curve_nid(generator, NID_X9_62_prime256v1) == 1,
            unsafe EVP_PKEY_keygen(generator, &key) == 1
        else { return nil }
        return unsafe key
    }

    private static func makeCertificate(_ key: OpaquePointer) -> OpaquePointer? {
        guard let certificate = unsafe X509_new() else { return nil }
        var serial: UInt64 = 0
        unsafe RAND_bytes(&serial, 8)
        let name = unsafe X509_get_subject_name(certificate)
        let day = 86_400
        // Nobody looks at the times, and a machine without a battery may have a wrong clock: wide around now.
        guard unsafe X509_set_version(certificate, 2) == 1,
            unsafe ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1,
            unsafe X509_gmtime_adj(X509_getm_notBefore(certificate), -365 * day) != nil,
            unsafe X509_gmtime_adj(X509_getm_notAfter(certificate), 3650 * day) != nil,
            unsafe X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, "WebRTC", -1, -1, 0) == 1,
            unsafe X509_set_issuer_name(certificate, name) == 1,
            unsafe X509_set_pubkey(certificate, key) == 1,
            unsafe X509_sign(certificate, key, EVP_sha256()) > 0
        else { return nil }
        return unsafe certificate
    }

    // SSL_OP_NO_QUERY_MTU, _NO_RENEGOTIATION and _NO_TICKET: macros that Swift does not see.
    private static let noMTUQuery: UInt64 = 1 << 12
    private static let noRenegotiation: UInt64 = 1 << 30
    private static let noTicket: UInt64 = 1 << 14
}

/// Asked by OpenSSL instead of a chain's verification.
private func verifyFingerprint(_ store: OpaquePointer?, _: UnsafeMutableRawPointer?) -> Int32 {
    guard let ssl = unsafe X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
        let session = unsafe SSL_get_ex_data(OpaquePointer(ssl), 0),
        let certificate = unsafe X509_STORE_CTX_get0_cert(store),
        unsafe Unmanaged<DTLSSession>.fromOpaque(session).takeUnretainedValue().accepts(certificate)
    else {
        unsafe X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED)
        return 0
    }
    return 1
}
