/// Writes one STUN message: attributes in their order, then integrity, then ``finish()``.
package struct STUNWriter {
    private var bytes: [UInt8] = []
    private let transaction: STUNMessage.Transaction

    package init(
        _ messageClass: STUNMessage.Class, _ method: STUNMessage.Method, _ transaction: STUNMessage.Transaction,
        capacity: Int = 160
    ) {
        self.transaction = transaction
        bytes.reserveCapacity(capacity)
        let (m, c) = (method.rawValue, messageClass.rawValue)
        bytes.append(bigEndian: (m & 0xF) | (m & 0x70) << 1 | (m & 0xF80) << 2 | (c & 1) << 4 | (c & 2) << 7)
        bytes.append(bigEndian: UInt16(0))
        bytes.append(bigEndian: STUNMessage.cookie)
        bytes.append(bigEndian: transaction.high)
        bytes.append(bigEndian: transaction.low)
    }

    /// - Requires: a value that leaves the message below 64 KiB.
    package mutating func append(_ type: STUNAttribute, _ value: some Collection<UInt8>) {
        bytes.append(bigEndian: type.rawValue)
        bytes.append(bigEndian: UInt16(value.count))
        bytes.append(contentsOf: value)
        while bytes.count % 4 != 0 { bytes.append(0) }
    }

    package mutating func append(_ type: STUNAttribute, _ value: String) { append(type, value.utf8) }

    package mutating func append(flag type: STUNAttribute) { append(type, EmptyCollection()) }

    package mutating func append(_ type: STUNAttribute, _ value: UInt32) {
        bytes.append(bigEndian: type.rawValue)
        bytes.append(bigEndian: UInt16(4))
        bytes.append(bigEndian: value)
    }

    package mutating func append(_ type: STUNAttribute, _ value: UInt64) {
        bytes.append(bigEndian: type.rawValue)
        bytes.append(bigEndian: UInt16(8))
        bytes.append(bigEndian: value)
    }

    /// Writes an address, masked unless its type is one of those that are not (RFC 8489 §14.1, §14.2).
    package mutating func append(_ type: STUNAttribute, _ address: SocketAddress) {
        let isXored = type != .mappedAddress && type != .alternateServer
        let mask = isXored ? STUNMessage.cookie : 0
        bytes.append(bigEndian: type.rawValue)
        bytes.append(bigEndian: UInt16(address.isIPv6 ? 20 : 8))
        bytes.append(bigEndian: UInt16(address.isIPv6 ? 2 : 1))
        bytes.append(bigEndian: address.port ^ UInt16(mask >> 16))
        switch address.host {
        case .v4(let value): bytes.append(bigEndian: value ^ mask)
        case .v6(let high, let low):
            bytes.append(bigEndian: high ^ (isXored ? UInt64(mask) << 32 | UInt64(transaction.high) : 0))
            bytes.append(bigEndian: low ^ (isXored ? transaction.low : 0))
        }
    }

    /// - `code`: 300–699.
    package mutating func append(errorCode code: Int, reason: String) {
        append(.errorCode, [0, 0, UInt8(code / 100), UInt8(code % 100)] + reason.utf8)
    }

    /// Adds MESSAGE-INTEGRITY.
    package mutating func sign(_ key: [UInt8]) {
        setLength(adding: 24)
        append(.messageIntegrity, STUNIntegrity.sha1(bytes, key: key))
    }

    /// Adds MESSAGE-INTEGRITY-SHA256.
    package mutating func signSHA256(_ key: [UInt8]) {
        setLength(adding: 36)
        append(.messageIntegritySHA256, STUNIntegrity.sha256(bytes, key: key))
    }

    /// The message, with a FINGERPRINT where it shares a port with other protocols.
    package consuming func finish(fingerprint: Bool = true) -> [UInt8] {
        if fingerprint {
            setLength(adding: 8)
            append(.fingerprint, CRC32.of(bytes.span) ^ STUNMessage.fingerprintMask)
        }
        setLength(adding: 0)
        return bytes
    }

    private mutating func setLength(adding count: Int) {
        let length = UInt16(bytes.count + count - STUNMessage.headerCount)
        bytes[2] = UInt8(length >> 8)
        bytes[3] = UInt8(truncatingIfNeeded: length)
    }
}
