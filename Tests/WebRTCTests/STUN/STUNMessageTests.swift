import TestSupport
import Testing

@testable import WebRTC

@Suite("STUN (RFC 8489)")
struct STUNMessageTests {
    private func parse(_ bytes: [UInt8]) throws(STUNError) -> STUNMessage { try STUNMessage(parsing: bytes.span) }

    private func code(_ bytes: [UInt8]) -> STUNError.Code? {
        do throws(STUNError) {
            _ = try parse(bytes)
            return nil
        } catch {
            return error.code
        }
    }

    private func verifies(_ message: STUNMessage, _ bytes: [UInt8], key: [UInt8]) -> Bool {
        message.verifies(bytes.span, key: key)
    }

    @Test("The sample request of RFC 5769 §2.1 is read, and its integrity and fingerprint hold")
    func sampleRequest() throws {
        let message = try parse(STUNVectors.request)
        #expect(message.messageClass == .request)
        #expect(message.method == .binding)
        #expect(message.transaction == .init(high: 0xb7e7_a701, low: 0xbc34_d686_fa87_dfae))
        #expect(message.username == Array("evtj:h6vY".utf8))
        #expect(message.priority == 0x6e00_01ff)
        #expect(message.controlled == 0x932f_f9b1_5126_3b36)
        #expect(message.hasFingerprint)
        #expect(message.notUnderstood.isEmpty)
        #expect(verifies(message, STUNVectors.request, key: Array(STUNVectors.password.utf8)))
        #expect(!verifies(message, STUNVectors.request, key: Array("VOkJxbRl1RmTxUk/WvJxBT".utf8)))
    }

    @Test(
        "The sample responses of RFC 5769 §2.2 and §2.3 are read",
        arguments: [
            (STUNVectors.responseV4, "192.0.2.1"), (STUNVectors.responseV6, "2001:db8:1234:5678:11:2233:4455:6677"),
        ])
    func sampleResponses(bytes: [UInt8], ip: String) throws {
        let message = try parse(bytes)
        #expect(message.messageClass == .success)
        #expect(message.mappedAddress == SocketAddress(ip: ip, port: 32853))
        #expect(verifies(message, bytes, key: Array(STUNVectors.password.utf8)))
    }

    @Test("The sample request with a long-term credential of RFC 5769 §2.4 verifies with the key of its password")
    func sampleLongTerm() throws {
        let message = try parse(STUNVectors.longTerm)
        // The password is "TheMatrIX" after SASLprep.
        let key = STUNIntegrity.longTermKey(username: "マトリックス", realm: "example.org", password: "TheMatrIX")
        #expect(verifies(message, STUNVectors.longTerm, key: key))
        #expect(message.realm == Array("example.org".utf8))
        #expect(message.nonce == Array("f//499k954d6OL34oL9FSTvy64sA".utf8))
    }

    @Test("A flipped bit anywhere in what the integrity covers, or in it, is noticed without the fingerprint's help")
    func flippedBits() {
        var signed = Array(STUNVectors.request.dropLast(8))
        signed[3] -= 8
        let key = Array(STUNVectors.password.utf8)
        for index in signed.indices where index != 2 && index != 3 {
            var bytes = signed
            bytes[index] ^= 0x10
            guard let message = try? parse(bytes) else { continue }
            #expect(!verifies(message, bytes, key: key), "byte \(index)")
        }
        #expect((try? parse(signed)).map { verifies($0, signed, key: key) } == true)
    }

    @Test("What is written is read, and is what was meant")
    func roundTrip() throws {
        let transaction = STUNMessage.Transaction(high: 1, low: 2)
        let key: [UInt8] = [1, 2, 3]
        for address in ["192.0.2.9", "2001:db8::9"] {
            var writer = STUNWriter(.error, .channelBind, transaction)
            writer.append(.username, "a:b")
            writer.append(.realm, "r")
            writer.append(.nonce, [9, 8, 7])
            writer.append(errorCode: 438, reason: "Stale Nonce")
            writer.append(.unknownAttributes, [0x7F, 0xF0])
            writer.append(.alternateServer, SocketAddress(ip: address, port: 1)!)
            writer.append(.xorPeerAddress, SocketAddress(ip: address, port: 2)!)
            writer.append(.xorRelayedAddress, SocketAddress(ip: address, port: 3)!)
            writer.append(.mappedAddress, SocketAddress(ip: address, port: 4)!)
            writer.append(.lifetime, UInt32(600))
            writer.append(.channelNumber, UInt32(0x4001) << 16)
            writer.append(.data, [1, 2, 3, 4, 5])
            writer.append(.controlling, UInt64(77))
            writer.append(flag: .useCandidate)
            writer.sign(key)
            writer.signSHA256(key)
            let bytes = writer.finish()
            let message = try parse(bytes)
            #expect(message.messageClass == .error)
            #expect(message.method == .channelBind)
            #expect(message.transaction == transaction)
            #expect(message.errorCode == 438)
            #expect(message.errorReason == "Stale Nonce")
            #expect(message.unknownAttributes == [0x7FF0])
            #expect(message.alternateServer == SocketAddress(ip: address, port: 1))
            #expect(message.peerAddress == SocketAddress(ip: address, port: 2))
            #expect(message.relayedAddress == SocketAddress(ip: address, port: 3))
            #expect(message.mappedAddress == SocketAddress(ip: address, port: 4))
            #expect(message.lifetime == 600)
            #expect(message.channel == 0x4001)
            #expect(message.data.map { Array(bytes[$0]) } == [1, 2, 3, 4, 5])
            #expect(message.controlling == 77)
            #expect(message.usesCandidate)
            #expect(message.hasFingerprint)
            #expect(verifies(message, bytes, key: key))
        }
    }

    @Test("A message signed with SHA-256 only verifies by it")
    func sha256() throws {
        var writer = STUNWriter(.request, .binding, STUNMessage.Transaction(high: 1, low: 2))
        writer.append(.username, "a:b")
        writer.signSHA256([7])
        let bytes = writer.finish()
        let message = try parse(bytes)
        #expect(verifies(message, bytes, key: [7]))
        #expect(!verifies(message, bytes, key: [8]))
    }

    @Test("What follows the integrity is not believed")
    func afterIntegrity() throws {
        var writer = STUNWriter(.request, .binding, STUNMessage.Transaction(high: 1, low: 2))
        writer.append(.priority, UInt32(1))
        writer.sign([7])
        writer.append(flag: .useCandidate)
        writer.append(.username, "x")
        let bytes = writer.finish()
        let message = try parse(bytes)
        #expect(message.priority == 1)
        #expect(!message.usesCandidate)
        #expect(message.username == nil)
        #expect(verifies(message, bytes, key: [7]))
    }

    @Test("Types that must be understood and are not are named; those from 0x8000 on are skipped")
    func unknown() throws {
        var writer = STUNWriter(.request, .binding, STUNMessage.Transaction(high: 1, low: 2))
        writer.append(STUNAttribute(rawValue: 0x7FFE), [1])
        writer.append(STUNAttribute(rawValue: 0xFFFE), [1])
        #expect(try parse(writer.finish()).notUnderstood == [0x7FFE])
    }

    @Test(
        "What is no STUN message is refused with its reason",
        arguments: [
            ("nothing", "", .notSTUN),
            ("a header cut short", "00 01 00 00 21 12 a4 42 00 00 00 00 00 00 00 00 00 00 00", .notSTUN),
            ("no magic cookie", "00 01 00 00 21 12 a4 43 00 00 00 00 00 00 00 00 00 00 00 01", .notSTUN),
            ("RTP", "80 01 00 00 21 12 a4 42 00 00 00 00 00 00 00 00 00 00 00 01", .notSTUN),
            ("a longer length", "00 01 00 04 21 12 a4 42 00 00 00 00 00 00 00 00 00 00 00 01", .badLength),
            ("bytes after it", "00 01 00 00 21 12 a4 42 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 00", .badLength),
            (
                "an odd length", "00 01 00 05 21 12 a4 42 00 00 00 00 00 00 00 00 00 00 00 01 80 22 00 01 00",
                .badLength
            ),
            (
                "an attribute that overruns",
                "00 01 00 04 21 12 a4 42 00 00 00 00 00 00 00 00 00 00 00 01 00 06 00 01", .badAttribute
            ),
            (
                "an address of no family",
                "00 01 00 0c 21 12 a4 42 00 00 00 00 00 00 00 00 00 00 00 01 00 20 00 08 00 03 00 00 00 00 00 00",
                .badAttribute
            ),
            (
                "an IPv6 address of eight bytes",
                "00 01 00 0c 21 12 a4 42 00 00 00 00 00 00 00 00 00 00 00 01 00 20 00 08 00 02 00 00 00 00 00 00",
                .badAttribute
            ),
            (
                "a priority of three bytes",
                "00 01 00 08 21 12 a4 42 00 00 00 00 00 00 00 00 00 00 00 01 00 24 00 03 00 00 00 00", .badAttribute
            ),
            (
                "an error code of 200",
                "00 01 00 08 21 12 a4 42 00 00 00 00 00 00 00 00 00 00 00 01 00 09 00 04 00 00 02 00", .badAttribute
            ),
            (
                "a wrong fingerprint",
                "00 01 00 08 21 12 a4 42 00 00 00 00 00 00 00 00 00 00 00 01 80 28 00 04 00 00 00 00",
                .badFingerprint
            ),
        ] as [(String, String, STUNError.Code)])
    func malformed(name: String, text: String, expected: STUNError.Code) {
        #expect(code(STUNVectors.bytes(text)) == expected)
    }

    @Test("Damaged bytes never trap", arguments: [1, 2, 3] as [UInt64])
    func damage(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let samples = [STUNVectors.request, STUNVectors.responseV4, STUNVectors.responseV6, STUNVectors.longTerm]
        for _ in 0..<3000 {
            var bytes = samples.randomElement(using: &generator)!
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            bytes.removeLast(4 * Int.random(in: 0..<bytes.count / 4, using: &generator))
            if bytes.count > 3 { bytes[3] = UInt8(truncatingIfNeeded: bytes.count - 20) }
            guard let message = try? parse(bytes) else { continue }
            _ = verifies(message, bytes, key: [1])
        }
    }
}
