import RTP
import Testing

@Suite("RTP header extensions (RFC 8285)")
struct RTPHeaderExtensionsTests {
    private func serialized(_ extensions: RTPHeaderExtensions) throws -> [UInt8] {
        var packet = RTPPacket.sound(0)
        packet.extensions = extensions
        packet.payload = []
        return Array(try packet.serialized().dropFirst(12))
    }

    @Test("Small elements are written in the one-byte form, padded to 32 bits")
    func oneByteForm() throws {
        var extensions = RTPHeaderExtensions()
        try extensions.set([0xAA], id: 1)
        try extensions.set([1, 2, 3], id: 14)
        #expect(try serialized(extensions) == bytes("bede0002 10aae201 02030000"))
    }

    @Test(
        "What the one-byte form has no room for is written in the two-byte form",
        arguments: [("an id of 15", 15, 1), ("no data", 1, 0), ("17 bytes", 1, 17)] as [(String, UInt8, Int)])
    func twoByteForm(name: String, id: UInt8, count: Int) throws {
        var extensions = RTPHeaderExtensions()
        try extensions.set([0xAA], id: 2)
        try extensions.set([UInt8](repeating: 5, count: count), id: id)
        #expect(extensions.form == .twoByte(applicationBits: 0))
        #expect(extensions[2] == [0xAA])
        #expect(extensions[id]?.count == count)
        #expect(try serialized(extensions).starts(with: bytes("1000")))
    }

    @Test("Setting an id again replaces its element")
    func replacing() throws {
        var extensions = RTPHeaderExtensions()
        try extensions.set([1], id: 1)
        try extensions.set([2], id: 2)
        try extensions.set([3, 4], id: 1)
        #expect(extensions.ids == [2, 1])
        #expect(extensions[1] == [3, 4])
        extensions.remove(2)
        extensions.remove(1)
        #expect(extensions.isEmpty)
        #expect(try serialized(extensions).isEmpty, "no X bit, no extension")
    }

    @Test("Reading skips padding between elements and stops at the reserved id 15")
    func readingOneByteForm() throws {
        let packet = try parse(bytes("90600001 00000000 00000007 bede0003 00001001 000020ff f0301234"))
        #expect(packet.extensions.ids == [1, 2])
        var changed = packet.extensions
        try changed.set([9], id: 4)
        #expect(changed.ids == [1, 2, 4], "what is added is written before the reserved id, or nobody would read it")
    }

    @Test("Reading stops at padding that claims a length, and what is added comes before it")
    func paddingWithLength() throws {
        var extensions = try parse(bytes("90600001 00000000 00000007 bede0003 10aa0110 000020ff f0301234")).extensions
        #expect(extensions.ids == [1])
        try extensions.set([1], id: 53)
        #expect(extensions.ids == [1, 53])
        #expect(try serialized(extensions) == bytes("10000002 0101aa35 01010000"))
    }

    @Test("An extension of another profile is carried along unread")
    func opaque() throws {
        let wire = bytes("90600001 00000000 00000007 abcd0001 1fffffff")
        let packet = try parse(wire)
        #expect(packet.extensions.form == .opaque(profile: 0xABCD))
        #expect(packet.extensions.ids.isEmpty)
        #expect(try packet.serialized() == wire)
        var extensions = packet.extensions
        #expect(code { () throws(RTPError) in try extensions.set([1], id: 1) } == .badExtension)
    }

    @Test("Ids of 0 and more than 255 bytes are refused")
    func refusals() {
        var extensions = RTPHeaderExtensions()
        #expect(code { () throws(RTPError) in try extensions.set([1], id: 0) } == .badExtension)
        let long = [UInt8](repeating: 0, count: 256)
        #expect(code { () throws(RTPError) in try extensions.set(long, id: 1) } == .badExtension)
    }

    @Test(
        "An audio level is one byte, V and the level without its sign (RFC 6464)",
        arguments: [(-5, true, 0x85), (0, false, 0), (-127, true, 0xFF), (-300, false, 0x7F), (3, false, 0)])
    func audioLevel(dBov: Int, isVoice: Bool, byte: Int) throws {
        let level = AudioLevel(dBov: dBov, isVoice: isVoice)
        #expect(level.byte == UInt8(byte))
        #expect(AudioLevel([level.byte]) == level)
        var extensions = RTPHeaderExtensions()
        try extensions.setAudioLevel(level, id: 1)
        #expect(extensions.audioLevel(id: 1) == level)
        #expect(extensions.audioLevel(id: 2) == nil)
    }
}
