/// A protection profile of DTLS-SRTP (RFC 5764 §4.1.2, RFC 7714 §14.2).
enum SRTPProfile: UInt16, Sendable, CaseIterable {
    case aes128CMSHA1Tag80 = 0x0001
    case aeadAES128GCM = 0x0007

    /// Bytes of the master key and of its salt.
    var keyCount: Int { 16 }
    var saltCount: Int { self == .aeadAES128GCM ? 12 : 14 }

    /// As IANA's registry and OpenSSL write it.
    var name: String {
        switch self {
        case .aes128CMSHA1Tag80: "SRTP_AES128_CM_SHA1_80"
        case .aeadAES128GCM: "SRTP_AEAD_AES_128_GCM"
        }
    }
}

/// What a handshake agreed on.
struct SRTPKeys: Sendable, Hashable {
    var profile: SRTPProfile
    /// Master key and salt for what is sent.
    var local: [UInt8]
    /// Master key and salt for what comes.
    var remote: [UInt8]
}
