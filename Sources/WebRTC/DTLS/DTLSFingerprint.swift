internal import COpenSSL

/// A hash of a certificate: what signalling says of the peer's (RFC 8122 §5).
struct DTLSFingerprint: Hashable, Sendable {
    /// Hashes that are strong enough; SHA-1 and MD5 are not.
    enum Algorithm: String, Sendable {
        case sha256 = "sha-256"
        case sha384 = "sha-384"
        case sha512 = "sha-512"

        var count: Int {
            switch self {
            case .sha256: 32
            case .sha384: 48
            case .sha512: 64
            }
        }
    }

    let algorithm: Algorithm
    let bytes: [UInt8]

    init(algorithm: Algorithm, bytes: [UInt8]) {
        self.algorithm = algorithm
        self.bytes = bytes
    }

    /// Nil for weak and unknown hashes, and for one of another length.
    init?(_ sdp: SDPFingerprint) {
        guard let algorithm = Algorithm(rawValue: sdp.algorithm), sdp.bytes.count == algorithm.count else { return nil }
        self.init(algorithm: algorithm, bytes: sdp.bytes)
    }

    var sdp: SDPFingerprint { SDPFingerprint(algorithm: algorithm.rawValue, bytes: bytes) }

    /// Whether a certificate has this hash; in constant time.
    func matches(_ certificate: OpaquePointer) -> Bool {
        guard let hash = unsafe Self.hash(algorithm, of: certificate), hash.count == bytes.count else { return false }
        return unsafe CRYPTO_memcmp(hash, bytes, bytes.count) == 0
    }

    /// - `certificate`: an X509.
    static func hash(_ algorithm: Algorithm, of certificate: OpaquePointer) -> [UInt8]? {
        let digest =
            switch algorithm {
            case .sha256: unsafe EVP_sha256()
            case .sha384: unsafe EVP_sha384()
            case .sha512: unsafe EVP_sha512()
            }
        var hash = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard unsafe X509_digest(certificate, digest, &hash, &count) == 1 else { return nil }
        return Array(hash.prefix(Int(count)))
    }
}
