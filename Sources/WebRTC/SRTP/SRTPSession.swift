internal import CSRTP

/// One direction of SRTP and SRTCP (RFC 3711) for all streams of a transport, by libsrtp; in place.
///
/// Thread: one at a time.
@safe final class SRTPSession {
    enum Direction: Sendable { case outbound, inbound }

    enum Outcome: Sendable, Hashable {
        /// This many bytes are left, or made.
        case done(Int)
        /// The packet came before, or is too old to tell (RFC 3711 §3.3.2).
        case replayed
        /// Its authentication failed, it is no packet, or it must not be sent again under its number.
        case refused
    }

    /// What protecting adds at most: the storage must have room for it.
    static let trailerCount = Int(SRTP_MAX_TRAILER_LEN)

    private let session: srtp_t

    /// - `key`: master key and salt of the direction.
    /// - Throws: `.handshakeFailed`, when libsrtp was built without the profile.
    init(_ direction: Direction, profile: SRTPProfile, key: [UInt8]) throws(PeerConnectionError) {
        SRTPLibrary.start()
        unsafe session = unsafe try Self.create(direction, profile, key)
    }

    fileprivate static func create(
        _ direction: Direction, _ profile: SRTPProfile, _ key: [UInt8]
    ) throws(PeerConnectionError) -> srtp_t {
        var policy = unsafe srtp_policy_t()
        switch profile {
        case .aes128CMSHA1Tag80:
            unsafe srtp_crypto_policy_set_rtp_default(&policy.rtp)
            unsafe srtp_crypto_policy_set_rtcp_default(&policy.rtcp)
        case .aeadAES128GCM:
            unsafe srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp)
            unsafe srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp)
        }
        unsafe policy.ssrc.type = direction == .outbound ? ssrc_any_outbound : ssrc_any_inbound
        // Retransmissions without RTX come far behind (RFC 3711 §3.3.2 asks for 64 at least).
        unsafe policy.window_size = 1024
        // A packet may go out again under its number where that says nothing new of the key: in counter mode, where its
        // payload is the same. GCM with other header extensions under one nonce would give its key away.
        unsafe policy.allow_repeat_tx = profile == .aes128CMSHA1Tag80 ? 1 : 0
        var key = key
        precondition(key.count == profile.keyCount + profile.saltCount, "a master key and its salt")
        var created: srtp_t?
        let status = unsafe key.withUnsafeMutableBufferPointer { key in
            unsafe policy.key = key.baseAddress
            return unsafe srtp_create(&created, &policy)
        }
        guard status == srtp_err_status_ok, let created = unsafe created else {
            throw PeerConnectionError(.handshakeFailed, "srtp_create(\(profile.name)): status \(status.rawValue)")
        }
        return unsafe created
    }

    deinit { unsafe srtp_dealloc(session) }

    /// Protects the RTP packet of `count` bytes at `bytes`, where there is room for ``trailerCount`` more.
    func protect(_ bytes: UnsafeMutableRawPointer, count: Int) -> Outcome {
        var length = Int32(count)
        return Self.outcome(unsafe srtp_protect(session, bytes, &length), length)
    }

    /// As ``protect(_:count:)``, for an RTCP datagram.
    func protectControl(_ bytes: UnsafeMutableRawPointer, count: Int) -> Outcome {
        var length = Int32(count)
        return Self.outcome(unsafe srtp_protect_rtcp(session, bytes, &length), length)
    }

    func unprotect(_ bytes: UnsafeMutableRawPointer, count: Int) -> Outcome {
        var length = Int32(count)
        return Self.outcome(unsafe srtp_unprotect(session, bytes, &length), length)
    }

    func unprotectControl(_ bytes: UnsafeMutableRawPointer, count: Int) -> Outcome {
        var length = Int32(count)
        return Self.outcome(unsafe srtp_unprotect_rtcp(session, bytes, &length), length)
    }

    private static func outcome(_ status: srtp_err_status_t, _ length: Int32) -> Outcome {
        switch status {
        case srtp_err_status_ok: .done(Int(length))
        case srtp_err_status_replay_fail, srtp_err_status_replay_old: .replayed
        default: .refused
        }
    }
}

/// libsrtp's state of the process. Its start tests its ciphers, which takes some ten milliseconds: done before a call needs it.
enum SRTPLibrary {
    private static let status: srtp_err_status_t = {
        let status = srtp_init()
        // A session that nobody uses, for as long as the process: the library below libsrtp (NSS in Debian's build) is
        // unloaded with the last cipher and loaded again with the next, two milliseconds of every join.
        let profile = SRTPProfile.aes128CMSHA1Tag80
        let key = [UInt8](repeating: 0, count: profile.keyCount + profile.saltCount)
        _ = unsafe try? SRTPSession.create(.outbound, profile, key)
        return status
    }()

    static func start() { precondition(status == srtp_err_status_ok, "srtp_init: status \(status.rawValue)") }
}
