/// A STUN message as it was read: its header, and the attributes that ICE and TURN use (RFC 8489, 8445, 8656).
///
/// What is bulky stays in the datagram and is a range of it here.
package struct STUNMessage: Sendable {
    package enum Class: UInt16, Sendable {
        case request = 0
        case indication = 1
        case success = 2
        case error = 3
    }

    package struct Method: RawRepresentable, Sendable, Hashable {
        package let rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }

        package static let binding = Method(rawValue: 0x001)
        package static let allocate = Method(rawValue: 0x003)
        package static let refresh = Method(rawValue: 0x004)
        package static let send = Method(rawValue: 0x006)
        package static let data = Method(rawValue: 0x007)
        package static let createPermission = Method(rawValue: 0x008)
        package static let channelBind = Method(rawValue: 0x009)
    }

    /// The 96 bits that tie a response to its request.
    package struct Transaction: Sendable, Hashable {
        package var high: UInt32
        package var low: UInt64

        package init(high: UInt32, low: UInt64) {
            self.high = high
            self.low = low
        }

        /// A fresh one: nobody who cannot see the request may guess it (RFC 8489 §5).
        init(using generator: inout some RandomNumberGenerator) {
            self.init(
                high: .random(in: .min ... .max, using: &generator), low: .random(in: .min ... .max, using: &generator))
        }
    }

    package var messageClass: Class
    package var method: Method
    package var transaction: Transaction

    // Of every method.
    package var username: [UInt8]?
    package var realm: [UInt8]?
    package var nonce: [UInt8]?
    /// 300–699.
    package var errorCode: Int?
    package var errorReason: String?
    /// Types that an answer of 420 names.
    package var unknownAttributes: [UInt16] = []
    /// XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS of servers of before RFC 5389.
    package var mappedAddress: SocketAddress?
    package var alternateServer: SocketAddress?

    // Of ICE.
    package var priority: UInt32?
    package var usesCandidate = false
    /// The tie-breaker of a controlling agent.
    package var controlling: UInt64?
    /// The tie-breaker of a controlled agent.
    package var controlled: UInt64?

    // Of TURN.
    package var relayedAddress: SocketAddress?
    package var peerAddress: SocketAddress?
    /// In seconds.
    package var lifetime: UInt32?
    package var channel: UInt16?
    /// Where in the message DATA's value is.
    package var data: Range<Int>?

    /// Types below 0x8000 that this reader does not know: a request that has any is answered with 420 (RFC 8489 §6.3.1).
    package var notUnderstood: [UInt16] = []
    package var hasFingerprint = false
    /// Where MESSAGE-INTEGRITY begins.
    var integrityOffset: Int?
    /// Where MESSAGE-INTEGRITY-SHA256 begins, and how many bytes its value has (it may be cut to 16).
    var integrity256: (offset: Int, count: Int)?

    static let cookie: UInt32 = 0x2112_A442
    static let headerCount = 20

    /// Whether bytes may be STUN: the check with which it is told from DTLS, RTP and ChannelData (RFC 7983, 8489 §5).
    @inline(__always)
    package static func isSTUN(_ bytes: Span<UInt8>) -> Bool {
        bytes.count >= headerCount && bytes[0] < 4 && bytes.bigEndian32(4) == cookie
    }
}
