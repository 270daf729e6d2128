import RTP
import TestSupport
import Testing

@Suite("RTP packets (RFC 3550)")
struct RTPPacketTests {
    @Test("A packet as on the wire is read field by field")
    func parsing() throws {
        // V=2 P=1 X=1 CC=2, M=1 PT=111, sequence 0x1234, timestamp, SSRC, two CSRCs,
        // one-byte extension: id 1 "85", id 3 "aabbcc"; payload 01 02 03; three bytes of padding.
        let packet = try parse(
            bytes("b2ef1234 deadbeef 00000007 00000008 00000009 bede0002 108532aa bbcc0000 010203 000003"))
        #expect(packet.payloadType == 111)
        #expect(packet.marker)
        #expect(packet.sequenceNumber == 0x1234)
        #expect(packet.timestamp == 0xDEAD_BEEF)
        #expect(packet.ssrc == 7)
        #expect(packet.contributingSources == [8, 9])
        #expect(packet.extensions.ids == [1, 3])
        #expect(packet.extensions[1] == [0x85])
        #expect(packet.extensions[3] == [0xAA, 0xBB, 0xCC])
        #expect(packet.extensions.audioLevel(id: 1) == AudioLevel(dBov: -5, isVoice: true))
        #expect(packet.payload == [1, 2, 3])
        #expect(packet.paddingCount == 3)
    }

    @Test("A packet is read into the arrays of one before it, which keeps its own where somebody still has it")
    func reading() throws {
        var arrays = RTPPacketArrays(count: 2)
        func read(_ number: UInt8) throws -> RTPPacket {
            let hexadecimal = "90600001 00000000 00000007 bede0001 1085" + "0000 0102030" + "\(number)"
            let packet = try RTPPacket(parsing: bytes(hexadecimal).span, into: &arrays)
            arrays.keep(packet)
            return packet
        }
        func place(_ packet: RTPPacket) -> Int {
            unsafe packet.payload.withUnsafeBytes { unsafe Int(bitPattern: $0.baseAddress) }
        }
        let held = try read(1)
        let places = Set(try (2..<8).map { place(try read($0)) })
        #expect(places.count <= 3 && !places.contains(place(held)))
        #expect(held.payload == [1, 2, 3, 1] && held.extensions[1] == [0x85])
        let last = try read(9)
        #expect(last.payload == [1, 2, 3, 9] && last.extensions.ids == [1])
    }

    @Test(
        "What is no RTP packet is refused with its reason",
        arguments: [
            ("nothing", "", .truncated),
            ("11 bytes", "80600001 00000000 000000", .truncated),
            ("version 1", "40600001 00000000 00000007", .badVersion),
            ("fewer CSRCs than counted", "82600001 00000000 00000007 00000008", .truncated),
            ("no extension where X says so", "90600001 00000000 00000007 bede", .truncated),
            ("an extension longer than the packet", "90600001 00000000 00000007 bede0002 00000000", .truncated),
            ("an element that overruns", "90600001 00000000 00000007 bede0001 1f000000", .badExtension),
            ("a two-byte element that overruns", "90600001 00000000 00000007 10000001 01040000", .badExtension),
            ("a two-byte element cut in its header", "90600001 00000000 00000007 10000001 00000001", .badExtension),
            ("padding of 0", "a0600001 00000000 00000007 0100", .badPadding),
            ("more padding than payload", "a0600001 00000000 00000007 0104", .badPadding),
            ("padding without payload", "a0600001 00000000 00000007", .badPadding),
        ] as [(String, String, RTPError.Code)])
    func malformed(name: String, text: String, expected: RTPError.Code) {
        #expect(code { () throws(RTPError) in _ = try parse(bytes(text)) } == expected)
    }

    @Test("A packet without payload, or of padding only, is a packet")
    func emptyPayload() throws {
        #expect(try parse(bytes("80600001 00000000 00000007")).payload.isEmpty)
        let padded = try parse(bytes("a0600001 00000000 00000007 000002").dropLast(3) + [0, 2])
        #expect(padded.payload.isEmpty)
        #expect(padded.paddingCount == 2)
    }

    @Test("Packets come back from bytes as they were", arguments: [1, 2, 3] as [UInt64])
    func roundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let packet = try randomPacket(using: &generator)
            let bytes = try packet.serialized()
            #expect(bytes.count == packet.serializedCount)
            #expect(try parse(bytes) == packet, "seed \(seed)")
        }
    }

    @Test("Damaged bytes never trap", arguments: [1, 2, 3] as [UInt64])
    func damage(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<3000 {
            var bytes = try randomPacket(using: &generator).serialized()
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<min(bytes.count, 40), using: &generator)] = .random(
                    in: 0...255, using: &generator)
            }
            bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator))
            guard let packet = try? parse(bytes) else { continue }
            #expect(try parse(packet.serialized()) == packet, "seed \(seed): \(bytes)")
        }
    }

    @Test("A packet writes into the start of a larger datagram and says how much")
    func serialisingInPlace() throws {
        var datagram = [UInt8](repeating: 0xFF, count: 1500)
        var span = datagram.mutableSpan
        #expect(try RTPPacket.sound(0).serialize(into: &span) == 13)
        #expect(Array(datagram[..<13]) == bytes("806ffffa fffff000 00000007 00"))
        #expect(datagram[13] == 0xFF)
    }

    @Test("What does not fit is refused")
    func refusals() {
        #expect(
            code { () throws(RTPError) in
                var storage = [UInt8](repeating: 0, count: 12)
                var span = storage.mutableSpan
                try RTPPacket.sound(0).serialize(into: &span)
            } == .bufferTooSmall)
        var packet = RTPPacket.sound(0)
        packet.payloadType = 128
        #expect(code { () throws(RTPError) in _ = try packet.serialized() } == .badField)
        packet.payloadType = 111
        packet.contributingSources = Array(repeating: 1, count: 16)
        #expect(code { () throws(RTPError) in _ = try packet.serialized() } == .badField)
    }

    private func randomPacket(using generator: inout SeededGenerator) throws -> RTPPacket {
        func byte() -> UInt8 { .random(in: .min ... .max, using: &generator) }
        func some(_ range: ClosedRange<Int>) -> [UInt8] {
            (0..<Int.random(in: range, using: &generator)).map { _ in byte() }
        }
        var extensions = RTPHeaderExtensions()
        for _ in 0..<Int.random(in: 0...4, using: &generator) {
            let isWide = Bool.random(using: &generator)
            try extensions.set(some(isWide ? 0...40 : 1...16), id: .random(in: 1...(isWide ? 255 : 14)))
        }
        let sources = some(0...15)
        return RTPPacket(
            payloadType: byte() & 127, marker: Bool.random(using: &generator),
            sequenceNumber: SequenceNumber(rawValue: .random(in: .min ... .max, using: &generator)),
            timestamp: RTPTimestamp(rawValue: .random(in: .min ... .max, using: &generator)), ssrc: 7,
            contributingSources: sources.map { SSRC(rawValue: UInt32($0)) }, extensions: extensions,
            payload: some(0...200), paddingCount: Bool.random(using: &generator) ? byte() : 0)
    }
}
