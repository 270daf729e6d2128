import Media
import Testing

@testable import RTP

@Suite("VP8 payload descriptor")
struct VP8PayloadTests {
    typealias Descriptor = VP8PayloadDescriptor

    /// Written by hand from RFC 7741 §4.2; each with two bytes of picture after it.
    static let fixtures: [(fact: String, bytes: [UInt8], descriptor: Descriptor, count: Int)] = [
        ("one byte, the start of a picture", [0x10], Descriptor(startsPartition: true), 1),
        ("the middle of partition 3", [0x03], Descriptor(startsPartition: false, partition: 3), 1),
        ("a picture nobody refers to", [0x30], Descriptor(isNonReference: true, startsPartition: true), 1),
        (
            "a picture number of 7 bits", [0x90, 0x80, 0x17], Descriptor(startsPartition: true, pictureID: .short(23)),
            3
        ),
        (
            "a picture number of 15 bits", [0x90, 0x80, 0x92, 0x34],
            Descriptor(startsPartition: true, pictureID: .long(0x1234)), 4
        ),
        (
            "TL0PICIDX without a picture number", [0x90, 0x60, 0x07, 0x60],
            Descriptor(startsPartition: true, baseLayerIndex: 7, temporalLayer: .init(index: 1, isSync: true)), 4
        ),
        ("a key index alone", [0x90, 0x10, 0x1F], Descriptor(startsPartition: true, keyIndex: 31), 3),
        (
            "everything", [0xB1, 0xF0, 0xFF, 0xFF, 0xAB, 0xE5],
            Descriptor(
                isNonReference: true, startsPartition: true, partition: 1, pictureID: .long(0x7FFF),
                baseLayerIndex: 0xAB, temporalLayer: .init(index: 3, isSync: true), keyIndex: 5), 6
        ),
        ("an extension byte without extensions", [0x90, 0x00], Descriptor(startsPartition: true), 2),
    ]

    @Test("Descriptors are read as the RFC draws them", arguments: fixtures)
    func parse(_ fixture: (fact: String, bytes: [UInt8], descriptor: Descriptor, count: Int)) throws {
        let payload = fixture.bytes + [0xAA, 0xBB]
        var count = 0
        #expect(try Descriptor(parsing: payload.span, count: &count) == fixture.descriptor)
        #expect(count == fixture.count)
    }

    @Test("Descriptors are written as they are read", arguments: fixtures.dropLast())
    func write(_ fixture: (fact: String, bytes: [UInt8], descriptor: Descriptor, count: Int)) {
        #expect(fixture.descriptor.bytes == fixture.bytes)
    }

    @Test("A payload that ends within its descriptor, or right after it, is refused", arguments: fixtures)
    func cutShort(_ fixture: (fact: String, bytes: [UInt8], descriptor: Descriptor, count: Int)) {
        for length in 0...fixture.bytes.count {
            var count = 0
            #expect(throws: RTPError.self) {
                try Descriptor(parsing: Array(fixture.bytes[..<length]).span, count: &count)
            }
        }
    }

    @Test("Reserved bits are ignored")
    func reserved() throws {
        var count = 0
        let descriptor = try Descriptor(parsing: [0x58, 0xAA].span, count: &count)
        #expect(descriptor == Descriptor(startsPartition: true) && count == 1)
    }

    @Test("Any bytes are read or refused, never more than there are")
    func anyBytes() {
        var state: UInt32 = 1
        for _ in 0..<20_000 {
            state = state &* 1_664_525 &+ 1_013_904_223
            let length = Int(state >> 29)
            let bytes = (0..<length).map { index in UInt8(truncatingIfNeeded: state >> UInt32(index * 3)) }
            var count = 0
            if (try? Descriptor(parsing: bytes.span, count: &count)) != nil { #expect(count > 0 && count < length) }
        }
    }

    @Test("Picture numbers wrap in their width")
    func wrap() {
        #expect(Descriptor.PictureID.short(127).next == .short(0))
        #expect(Descriptor.PictureID.long(0x7FFF).next == .long(0))
        #expect(Descriptor.PictureID.long(127).next == .long(128))
    }
}

@Suite("VP8 packets")
struct VP8PacketizerTests {
    static let start = RTPStart(sequenceNumber: 65_534, timestamp: 1000)

    static func packetizer(_ limit: Int = 1200) -> VP8Packetizer {
        VP8Packetizer(ssrc: 7, start: start, maximumPacketBytes: limit, pictureID: .long(0x7FFF))
    }

    /// A picture whose header says keyframe or not, each byte of it told from the others.
    static func picture(_ count: Int, isKeyframe: Bool) -> [UInt8] {
        [isKeyframe ? 0x10 : 0x11] + (1..<max(1, count)).map { UInt8(truncatingIfNeeded: $0) }
    }

    @Test(
        "A picture is cut into like pieces below the limit, the first marked as start, the last by the marker",
        arguments: [1, 100, 1184, 1185, 2368, 2369, 50_000])
    func cut(_ count: Int) throws {
        var packetizer = Self.packetizer()
        let picture = Self.picture(count, isKeyframe: true)
        let packets = packetizer.packets(picture, ticks: 0)
        #expect(packets.count == (count + 1183) / 1184)
        #expect(packets.allSatisfy { $0.serializedCount <= 1200 })
        let sizes = packets.map(\.payload.count)
        #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
        #expect(packets.map(\.marker) == packets.indices.map { $0 == packets.count - 1 })
        var whole: [UInt8] = []
        for (index, packet) in packets.enumerated() {
            var descriptorCount = 0
            let descriptor = try VP8PayloadDescriptor(parsing: packet.payload.span, count: &descriptorCount)
            #expect(descriptor.startsFrame == (index == 0) && descriptor.pictureID == .long(0x7FFF))
            whole += packet.payload[descriptorCount...]
        }
        #expect(whole == picture)
    }

    @Test("Numbers go up by packet and by picture, over their wraps; time goes by the ticks")
    func numbers() {
        var packetizer = Self.packetizer()
        let packets = [0, 3000, 4500].flatMap { packetizer.packets(Self.picture(1500, isKeyframe: false), ticks: $0) }
        #expect(packets.map(\.sequenceNumber.rawValue) == [65_534, 65_535, 0, 1, 2, 3])
        #expect(packets.map(\.timestamp.rawValue) == [1000, 1000, 4000, 4000, 8500, 8500])
        #expect(packetizer.pictureID == .long(2))
        #expect(packetizer.sender.packets == 6)
    }
}
