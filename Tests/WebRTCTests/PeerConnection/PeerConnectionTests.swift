import Media
import RTP
import Testing

@testable import WebRTC

@Suite("Peer connection", .timeLimit(.minutes(1)))
struct PeerConnectionTests {
    @Test("two of them exchange sound and pictures both ways")
    func exchange() async throws {
        let pair = try ConnectedPair()
        let audio = pair.offerer.connection.addTransceiver(.audio)
        let video = pair.offerer.connection.addTransceiver(.video)
        let begun = MonotonicInstant.now()
        try await pair.connect()
        print("connected after \((MonotonicInstant.now() - begun).milliseconds) ms")
        for number in 0..<20 as Range<UInt16> {
            for peer in [pair.offerer, pair.answerer] {
                peer.connection.send(packet(111, number, [1, UInt8(number)]), mid: audio)
                peer.connection.send(packet(96, number, [0x10, 0, UInt8(number)], ssrc: 78), mid: video)
            }
        }
        for peer in [pair.offerer, pair.answerer] {
            await peer.waits { $0.packets.count == 40 }
            let seen = peer.seen.packets
            #expect(seen.filter { $0.mid == audio }.map(\.packet.payload) == (0..<20).map { [1, $0] })
            #expect(seen.filter { $0.mid == video }.map(\.packet.payload) == (0..<20).map { [0x10, 0, $0] })
            #expect(Set(seen.filter { $0.mid == audio }.map(\.packet.payloadType)) == [111])
        }
        let statistics = pair.offerer.connection.statistics
        #expect(statistics.protectionProfile == "SRTP_AEAD_AES_128_GCM")
        #expect(statistics.candidatePair?.local.kind == .host)
        print("path \(statistics.timeToPath!), connected \(statistics.timeToConnected!)")
        await pair.close()
        #expect(pair.offerer.seen.states == [.connecting, .connected, .closed])
    }
}
