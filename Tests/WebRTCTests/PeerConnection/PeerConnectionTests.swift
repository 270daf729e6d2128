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
        try await pair.connect()
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
        print(
            "path after \(statistics.timeToPath!.milliseconds) ms, keys \(statistics.timeToConnected!.milliseconds) ms")
        await pair.close()
        #expect(pair.offerer.seen.states == [.connecting, .connected, .closed])
    }

    @Test("a wrong fingerprint is refused, and nothing is received")
    func wrongFingerprint() async throws {
        let pair = try ConnectedPair()
        pair.offerer.connection.addTransceiver(.audio)
        let offer = try pair.offerer.connection.makeOffer()
        let fingerprint = DTLSContext.shared.fingerprint
        let wrong = DTLSFingerprint(algorithm: .sha256, bytes: fingerprint.bytes.reversed())
        let forged = offer.replacing(fingerprint.sdp.description, with: wrong.sdp.description)
        try pair.answerer.connection.acceptOffer(forged)
        try pair.offerer.connection.acceptAnswer(pair.answerer.connection.makeAnswer())
        await pair.answerer.waits { $0.failure != nil }
        await pair.offerer.waits { $0.failure != nil }
        #expect(pair.answerer.seen.failure?.code == .wrongFingerprint)
        #expect(pair.offerer.seen.failure?.code == .handshakeFailed)
        #expect(!pair.answerer.seen.states.contains(.connected))
        await pair.close()
    }

    @Test("the far side's close is a failure with its reason")
    func closedByPeer() async throws {
        let pair = try ConnectedPair()
        pair.offerer.connection.addTransceiver(.audio)
        try await pair.connect()
        await pair.offerer.connection.close()
        await pair.answerer.waits { $0.failure != nil }
        #expect(pair.answerer.seen.failure?.code == .closedByPeer)
        await pair.close()
    }

    @Test("m-lines are added, become inactive, and are taken up again, on one transport")
    func renegotiation() async throws {
        let pair = try ConnectedPair()
        let (offerer, answerer) = (pair.offerer.connection, pair.answerer.connection)
        let audio = offerer.addTransceiver(.audio, .sendOnly)
        try await pair.connect()
        let video = offerer.addTransceiver(
            .video, .sendOnly, track: LocalTrack(ssrc: 501, streamID: "ann", trackID: "camera"))
        try pair.negotiate(answererSends: false)
        offerer.send(packet(96, 1, [0x10, 0, 1]), mid: video)
        await pair.answerer.waits { $0.packets.contains { $0.mid == video } }
        #expect(
            pair.answerer.seen.tracks.last
                == RemoteTrack(
                    mid: video, kind: .video, isActive: true, ssrcs: [501], streamID: "ann", trackID: "camera"))

        try offerer.setDirection(.inactive, of: video)
        try pair.negotiate(answererSends: false)
        await pair.answerer.waits { $0.tracks.last?.isActive == false }
        offerer.send(packet(96, 2, [0x10, 0, 2]), mid: video)
        offerer.send(packet(111, 2, [2]), mid: audio)
        await pair.answerer.waits { $0.packets.contains { $0.mid == audio } }
        #expect(pair.answerer.seen.packets.filter { $0.mid == video }.count == 1)

        let again = offerer.addTransceiver(.video, .sendOnly, track: LocalTrack(ssrc: 502, streamID: "ben"))
        #expect(again == video)
        try pair.negotiate(answererSends: false)
        offerer.send(packet(96, 3, [0x10, 0, 3]), mid: video)
        await pair.answerer.waits { $0.packets.filter { $0.mid == video }.count == 2 }
        #expect(pair.answerer.seen.tracks.last?.ssrcs == [502])
        #expect(pair.answerer.seen.tracks.last?.streamID == "ben")
        #expect(pair.answerer.seen.states == [.connecting, .connected])
        #expect(answerer.statistics.replayed == 0)
        await pair.close()
    }

    @Test("an ICE restart changes the credentials, and media goes on under the same keys")
    func iceRestart() async throws {
        let pair = try ConnectedPair()
        let audio = pair.offerer.connection.addTransceiver(.audio)
        try await pair.connect()
        let before = try #require(pair.offerer.connection.localDescription)
        let requests = pair.answerer.connection.statistics.packetsReceived
        try pair.negotiate(iceRestart: true)
        let after = try #require(pair.offerer.connection.localDescription)
        #expect(try ufrag(before) != ufrag(after))
        for number in 0..<10 as Range<UInt16> {
            pair.offerer.connection.send(packet(111, number, [9, UInt8(number)]), mid: audio)
        }
        await pair.answerer.waits { $0.packets.count == 10 }
        #expect(pair.answerer.connection.statistics.packetsReceived >= requests + 10)
        #expect(pair.offerer.seen.states.filter { $0 == .connected }.count == 1)
        await pair.close()
    }

    private func ufrag(_ text: String) throws -> String {
        try #require(try SessionDescription(parsing: text).media.first?.iceUfrag)
    }

    @Test("a close while connecting ends it; calls after it throw or do nothing")
    func closeWhileConnecting() async throws {
        let pair = try ConnectedPair()
        let audio = pair.offerer.connection.addTransceiver(.audio)
        try pair.negotiate()
        await pair.offerer.connection.close()
        await pair.offerer.connection.close()
        let told = pair.offerer.seen.events.count
        #expect(pair.offerer.seen.states.last == .closed)
        pair.offerer.connection.send(packet(111, 1, [1]), mid: audio)
        pair.offerer.connection.requestKeyframe(mid: audio)
        #expect(throws: PeerConnectionError.self) { try pair.offerer.connection.makeOffer() }
        #expect(throws: PeerConnectionError.self) { try pair.offerer.connection.addCandidate("") }
        await pair.close()
        #expect(pair.offerer.seen.events.count == told)
    }

    @Test("a keyframe that is asked for arrives as an event")
    func keyframe() async throws {
        let pair = try ConnectedPair()
        let video = pair.offerer.connection.addTransceiver(.video)
        try await pair.connect()
        // What was sent before they were connected was dropped.
        #expect(pair.answerer.seen.events.count { $0 == .keyframeRequested(mid: video) } == 1)
        pair.answerer.connection.send(packet(96, 1, [0x10, 0, 1]), mid: video)
        await pair.offerer.waits { !$0.packets.isEmpty }
        pair.offerer.connection.requestKeyframe(mid: video)
        await pair.answerer.waits { $0.events.count { $0 == .keyframeRequested(mid: video) } == 2 }
        await pair.close()
    }

    @Test("a callback may send: an echo comes back")
    func echo() async throws {
        let loop = NetworkLoop()
        let echo = Echo()
        var configuration = PeerConnectionConfiguration(loop: loop)
        configuration.isLoopbackOnly = true
        let far = try PeerConnection(configuration) { _ in
        } onPacket: { mid, packet in
            echo.back(packet, mid)
        }
        echo.connection = far
        let near = try TestPeer(loop)
        let audio = near.connection.addTransceiver(.audio)
        try far.acceptOffer(near.connection.makeOffer())
        try far.setDirection(.sendReceive, of: audio)
        try near.connection.acceptAnswer(far.makeAnswer())
        await near.isConnected()
        near.connection.send(packet(111, 1, [42]), mid: audio)
        await near.waits { $0.packets.map(\.packet.payload) == [[42]] }
        await near.connection.close()
        await far.close()
        echo.connection = nil
        await loop.close()
    }

    private final class Echo: @unchecked Sendable {
        /// Set before the first packet, and cleared after the last.
        var connection: PeerConnection?
        func back(_ packet: RTPPacket, _ mid: String) { connection?.send(packet, mid: mid) }
    }
}
