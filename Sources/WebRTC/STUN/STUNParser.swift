extension STUNMessage {
    /// Reads a datagram, or one message cut from a stream: any bytes are safe.
    ///
    /// Of an attribute that comes twice the first counts; after MESSAGE-INTEGRITY only the other integrity and
    /// FINGERPRINT do (RFC 8489 §14).
    /// - Throws: ``STUNError`` for what is no STUN message, and where the FINGERPRINT is there and wrong. Integrity is
    ///   not looked at: see ``verifies(_:key:)``.
    package init(parsing bytes: Span<UInt8>) throws(STUNError) {
        guard Self.isSTUN(bytes) else {
            throw STUNError(.notSTUN, "no STUN header with the magic cookie (RFC 8489 §5)")
        }
        guard Int(bytes.bigEndian16(2)) == bytes.count - Self.headerCount, bytes.count % 4 == 0 else {
            throw STUNError(.badLength, "the length is not that of the message (RFC 8489 §5)")
        }
        let type = bytes.bigEndian16(0)
        // The two bits of the class lie between those of the method: M11…M7 C1 M6…M4 C0 M3…M0 (RFC 8489 §5).
        messageClass = Class(rawValue: (type >> 4 & 1) | (type >> 7 & 2)) ?? .request
        method = Method(rawValue: (type & 0xF) | (type >> 1 & 0x70) | (type >> 2 & 0xF80))
        transaction = Transaction(high: bytes.bigEndian32(8), low: bytes.bigEndian64(12))
        var offset = Self.headerCount
        while offset < bytes.count {
            guard !hasFingerprint else { return }  // FINGERPRINT is the last (RFC 8489 §14.7)
            let type = bytes.bigEndian16(offset)
            let value = offset + 4..<offset + 4 + Int(bytes.bigEndian16(offset + 2))
            guard value.upperBound <= bytes.count else {
                throw STUNError(.badAttribute, "an attribute overruns the message (RFC 8489 §14)")
            }
            try read(STUNAttribute(rawValue: type), value, of: bytes)
            offset = (value.upperBound + 3) & ~3
        }
    }

    private mutating func read(
        _ type: STUNAttribute, _ value: Range<Int>, of bytes: Span<UInt8>
    ) throws(STUNError) {
        switch type {
        case .fingerprint:
            try Self.check(value, 4...4)
            let expected = CRC32.of(bytes.extracting(0..<value.lowerBound - 4)) ^ Self.fingerprintMask
            guard bytes.bigEndian32(value.lowerBound) == expected else {
                throw STUNError(.badFingerprint, "the fingerprint is not that of the message (RFC 8489 §14.7)")
            }
            hasFingerprint = true
        case .messageIntegritySHA256:
            try Self.check(value, 16...32)
            if integrity256 == nil { integrity256 = (value.lowerBound - 4, value.count) }
        case _ where integrity256 != nil: break
        case .messageIntegrity:
            try Self.check(value, 20...20)
            if integrityOffset == nil { integrityOffset = value.lowerBound - 4 }
        case _ where integrityOffset != nil: break
        default: try readProtected(type, value, of: bytes)
        }
    }

    /// Reads what integrity covers.
    private mutating func readProtected(
        _ type: STUNAttribute, _ value: Range<Int>, of bytes: Span<UInt8>
    ) throws(STUNError) {
        switch type {
        case .username: try Self.first(&username, value, bytes, 0...513)
        case .realm: try Self.first(&realm, value, bytes, 0...763)
        case .nonce: try Self.first(&nonce, value, bytes, 0...763)
        case .errorCode: try readError(value, of: bytes)
        case .unknownAttributes:
            for offset in stride(from: value.lowerBound, to: value.upperBound - 1, by: 2) {
                unknownAttributes.append(bytes.bigEndian16(offset))
            }
        case .xorMappedAddress: mappedAddress = try address(value, of: bytes, isXored: true)
        case .mappedAddress:
            let address = try address(value, of: bytes, isXored: false)
            if mappedAddress == nil { mappedAddress = address }
        case .alternateServer: try first(&alternateServer, value, bytes, isXored: false)
        case .xorRelayedAddress: try first(&relayedAddress, value, bytes, isXored: true)
        case .xorPeerAddress: try first(&peerAddress, value, bytes, isXored: true)
        default: try readNumber(type, value, of: bytes)
        }
    }

    private mutating func readNumber(
        _ type: STUNAttribute, _ value: Range<Int>, of bytes: Span<UInt8>
    ) throws(STUNError) {
        let start = value.lowerBound
        switch type {
        case .priority:
            try Self.check(value, 4...4)
            if priority == nil { priority = bytes.bigEndian32(start) }
        case .useCandidate: usesCandidate = true
        case .controlling:
            try Self.check(value, 8...8)
            if controlling == nil { controlling = bytes.bigEndian64(start) }
        case .controlled:
            try Self.check(value, 8...8)
            if controlled == nil { controlled = bytes.bigEndian64(start) }
        case .lifetime:
            try Self.check(value, 4...4)
            if lifetime == nil { lifetime = bytes.bigEndian32(start) }
        case .channelNumber:
            try Self.check(value, 4...4)
            if channel == nil { channel = bytes.bigEndian16(start) }
        case .data: if data == nil { data = value }
        case .requestedTransport, .requestedAddressFamily, .userhash: break
        default: if type.rawValue < 0x8000 { notUnderstood.append(type.rawValue) }
        }
    }

    private mutating func readError(_ value: Range<Int>, of bytes: Span<UInt8>) throws(STUNError) {
        try Self.check(value, 4...767)
        guard errorCode == nil else { return }
        let start = value.lowerBound
        let hundreds = Int(bytes[start + 2] & 7)
        let number = Int(bytes[start + 3])
        guard 3...6 ~= hundreds, number < 100 else {
            throw STUNError(.badAttribute, "an error code outside 300–699 (RFC 8489 §14.8)")
        }
        errorCode = 100 * hundreds + number
        errorReason = String(decoding: bytes.array(start + 4..<value.upperBound), as: UTF8.self)
    }

    /// Reads an address (RFC 8489 §14.1, §14.2).
    private func address(
        _ value: Range<Int>, of bytes: Span<UInt8>, isXored: Bool
    ) throws(STUNError) -> SocketAddress {
        try Self.check(value, 8...20)
        let start = value.lowerBound
        let mask = isXored ? Self.cookie : 0
        let port = bytes.bigEndian16(start + 2) ^ UInt16(mask >> 16)
        switch (bytes[start + 1], value.count) {
        case (1, 8): return SocketAddress(host: .v4(bytes.bigEndian32(start + 4) ^ mask), port: port)
        case (2, 20):
            var high = bytes.bigEndian64(start + 4)
            var low = bytes.bigEndian64(start + 12)
            if isXored {
                high ^= UInt64(Self.cookie) << 32 | UInt64(transaction.high)
                low ^= transaction.low
            }
            return SocketAddress(host: .v6(high, low), port: port)
        default: throw STUNError(.badAttribute, "an address of no known family (RFC 8489 §14.1)")
        }
    }

    private func first(
        _ field: inout SocketAddress?, _ value: Range<Int>, _ bytes: Span<UInt8>, isXored: Bool
    ) throws(STUNError) {
        let address = try address(value, of: bytes, isXored: isXored)
        if field == nil { field = address }
    }

    private static func first(
        _ field: inout [UInt8]?, _ value: Range<Int>, _ bytes: Span<UInt8>, _ counts: ClosedRange<Int>
    ) throws(STUNError) {
        try check(value, counts)
        if field == nil { field = bytes.array(value) }
    }

    private static func check(_ value: Range<Int>, _ counts: ClosedRange<Int>) throws(STUNError) {
        guard counts.contains(value.count) else {
            throw STUNError(
                .badAttribute, "an attribute's value has a length that its type does not allow (RFC 8489 §14)")
        }
    }

    static let fingerprintMask: UInt32 = 0x5354_554E

    // MARK: Integrity

    /// Whether the message carries a MESSAGE-INTEGRITY (SHA-1, or SHA-256 where only that is there) made with a key.
    ///
    /// The comparison takes the same time whatever differs.
    /// - `bytes`: what the message was read from.
    package func verifies(_ bytes: Span<UInt8>, key: [UInt8]) -> Bool {
        if let offset = integrityOffset {
            let signed = Self.signed(bytes, upTo: offset, attributeCount: 24)
            return STUNIntegrity.areEqual(
                STUNIntegrity.sha1(signed, key: key), bytes.array(offset + 4..<offset + 24))
        }
        guard let (offset, count) = integrity256 else { return false }
        let signed = Self.signed(bytes, upTo: offset, attributeCount: 4 + (count + 3) & ~3)
        return STUNIntegrity.areEqual(
            Array(STUNIntegrity.sha256(signed, key: key).prefix(count)), bytes.array(offset + 4..<offset + 4 + count))
    }

    /// The bytes that an integrity covers: those before it, with a length that ends after it (RFC 8489 §14.5).
    private static func signed(_ bytes: Span<UInt8>, upTo offset: Int, attributeCount: Int) -> [UInt8] {
        var signed = bytes.array(0..<offset)
        let length = UInt16(offset + attributeCount - headerCount)
        signed[2] = UInt8(length >> 8)
        signed[3] = UInt8(truncatingIfNeeded: length)
        return signed
    }
}
