import RTP
import TestSupport
import Testing

@Suite("Opus in RTP (RFC 7587)")
struct OpusPayloadTests {
    @Test(
        "A payload's duration is read from its first bytes (RFC 6716 §3.1)",
        arguments: [
            ("SILK 10 ms", "00 00", 480), ("SILK 60 ms", "18 00", 2880), ("hybrid 20 ms", "78 00", 960),
            ("CELT 2.5 ms", "80 00", 120), ("CELT 20 ms", "f8 00", 960), ("two frames", "f9 00", 1920),
            ("two frames of two sizes", "fa 00", 1920), ("three frames counted", "fb 03", 2880),
            ("120 ms", "fb 06", 5760), ("more than 120 ms", "fb 07", nil), ("no frames", "fb 00", nil),
            ("a count that is missing", "fb", nil), ("nothing", "", nil),
        ] as [(String, String, Int?)])
    func ticks(name: String, text: String, ticks: Int?) {
        #expect(OpusPayload.ticks(of: bytes(text)) == ticks)
    }

    @Test("The marker stands on the first packet and on the first after a pause; the timestamp goes on in the pause")
    func marker() {
        var packetizer = OpusPacketizer(ssrc: 7, start: RTPStart(sequenceNumber: 65_535, timestamp: 0xFFFF_FFFF))
        let first = packetizer.packet([1], ticks: 960)
        let second = packetizer.packet([2], ticks: 960)
        packetizer.pause(ticks: 960)
        packetizer.pause(ticks: 480)
        let third = packetizer.packet([3], ticks: 960)
        let fourth = packetizer.packet([4], ticks: 960)
        #expect([first, second, third, fourth].map(\.marker) == [true, false, true, false])
        #expect([first, second, third, fourth].map(\.sequenceNumber) == [65_535, 0, 1, 2])
        #expect(second.timestamp == 959)
        #expect(second.timestamp.distance(to: third.timestamp) == 960 + 1440)
        #expect(packetizer.sender.packets == 4)
        #expect(packetizer.sender.payloadBytes == 4)
    }

    @Test("The level is sent where an id was negotiated")
    func level() {
        let start = RTPStart(sequenceNumber: 1, timestamp: 1)
        let level = AudioLevel(dBov: -20, isVoice: false)
        var without = OpusPacketizer(ssrc: 7, start: start)
        #expect(without.packet([1], ticks: 960, level: level).extensions.isEmpty)
        var with = OpusPacketizer(ssrc: 7, start: start, audioLevelID: 3)
        #expect(with.packet([1], ticks: 960, level: level).extensions.audioLevel(id: 3) == level)
    }

    @Test("Random starts leave SRTP's rollover counter beyond doubt: below 2¹⁵")
    func starts() {
        var generator = SeededGenerator(seed: 1)
        let starts = (0..<1000).map { _ in RTPStart.random(using: &generator) }
        #expect(starts.allSatisfy { $0.sequenceNumber.rawValue < 0x8000 })
        #expect(Set(starts).count == 1000)
    }
}
