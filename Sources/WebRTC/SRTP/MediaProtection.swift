/// SRTP both ways, with what was refused.
struct MediaProtection {
    let profile: SRTPProfile
    private(set) var replayed: Int64 = 0
    private(set) var unauthenticated: Int64 = 0
    private let outbound: SRTPSession
    private let inbound: SRTPSession

    init(_ keys: SRTPKeys) throws(PeerConnectionError) {
        profile = keys.profile
        outbound = try SRTPSession(.outbound, profile: keys.profile, key: keys.local)
        inbound = try SRTPSession(.inbound, profile: keys.profile, key: keys.remote)
    }

    /// Whether a datagram is RTCP, by its packet type (RFC 5761 §4).
    static func isControl(_ bytes: UnsafeMutableBufferPointer<UInt8>) -> Bool {
        unsafe bytes.count > 1 && (192...223).contains(bytes[1])
    }

    /// Protects the first `count` bytes in place.
    /// - Returns: bytes of the protected packet; nil when it must not be sent.
    mutating func protect(_ bytes: UnsafeMutableBufferPointer<UInt8>, count: Int, isControl: Bool) -> Int? {
        guard let start = bytes.baseAddress, count + SRTPSession.trailerCount <= bytes.count else { return nil }
        let outcome =
            unsafe isControl ? outbound.protectControl(start, count: count) : outbound.protect(start, count: count)
        return if case .done(let count) = outcome { count } else { nil }
    }

    /// Opens a packet in place.
    /// - Returns: bytes of the packet; nil when it is refused.
    mutating func unprotect(_ bytes: UnsafeMutableBufferPointer<UInt8>, isControl: Bool) -> Int? {
        guard let start = bytes.baseAddress else { return nil }
        let outcome =
            unsafe isControl
            ? inbound.unprotectControl(start, count: bytes.count) : inbound.unprotect(start, count: bytes.count)
        switch outcome {
        case .done(let count): return count
        case .replayed: replayed += 1
        case .refused: unauthenticated += 1
        }
        return nil
    }
}
