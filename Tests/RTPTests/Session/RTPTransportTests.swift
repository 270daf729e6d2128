import Media
import RTP
import Testing

@Suite("The RTP session of a transport")
struct RTPTransportTests {
    private let start = MonotonicInstant(nanoseconds: 1_000_000_000_000)

    private func video(_ number: UInt16, ssrc: SSRC = 7, timestamp: RTPTimestamp = 0) -> RTPPacket {
        RTPPacket(
            payloadType: 96, sequenceNumber: SequenceNumber(rawValue: number), timestamp: timestamp, ssrc: ssrc,
            payload: [UInt8(number & 0xFF), 1, 2])
    }

    @Test("A pipeline's packet leaves with the stream's names and the negotiated extensions")
    func sending() throws {
        var sender = TestTransport()
        sender.transport.setSender(.audio(), now: start)
        var sound = RTPPacket.sound(0)
        try sound.extensions.setAudioLevel(AudioLevel(dBov: -30, isVoice: true), id: RTPTransport.audioLevelID)
        try sender.send(sound, mid: "0", now: start)
        let packet = try #require(sender.sent.first)
        #expect(packet.ssrc == 60)
        #expect(packet.payloadType == 109)
        #expect(packet.sequenceNumber == sound.sequenceNumber)
        #expect(packet.timestamp == sound.timestamp)
        #expect(packet.payload == sound.payload)
        #expect(packet.extensions.audioLevel(id: 1) == AudioLevel(dBov: -30, isVoice: true))
        #expect(packet.extensions[4].map { String(decoding: $0, as: UTF8.self) } == "0")
        #expect(packet.extensions[2]?.count == 3)
    }
}
