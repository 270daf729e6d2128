internal import COpenSSL

/// The keyed hashes of STUN, by libcrypto.
enum STUNIntegrity {
    /// HMAC-SHA1, 20 bytes (RFC 8489 §14.5).
    static func sha1(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] { unsafe hmac(EVP_sha1(), bytes, key, count: 20) }

    /// HMAC-SHA256, 32 bytes (RFC 8489 §14.6).
    static func sha256(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] { unsafe hmac(EVP_sha256(), bytes, key, count: 32) }

    /// The key of a long-term credential: MD5 of `username:realm:password` (RFC 8489 §9.2.2). The strings are taken as
    /// they are: OpaqueString (RFC 8265) changes none that servers hand out.
    static func longTermKey(username: String, realm: String, password: String) -> [UInt8] {
        let text = Array("\(username):\(realm):\(password)".utf8)
        var digest = [UInt8](repeating: 0, count: 16)
        let done = unsafe EVP_Digest(text, text.count, &digest, nil, EVP_md5(), nil)
        precondition(done == 1, "libcrypto has MD5")
        return digest
    }

    /// Whether two digests are the same, in a time that does not depend on where they differ.
    static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        unsafe a.count == b.count && CRYPTO_memcmp(a, b, a.count) == 0
    }

    private static func hmac(_ digest: OpaquePointer?, _ bytes: [UInt8], _ key: [UInt8], count: Int) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        let done = unsafe HMAC(digest, key, Int32(key.count), bytes, bytes.count, &result, nil)
        precondition(unsafe done != nil, "libcrypto has HMAC with SHA-1 and SHA-256")
        return result
    }
}
