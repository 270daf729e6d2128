import Media
import RTP
import Testing

@testable import WebRTC

@Suite("Peer connection with a path before its answer", .timeLimit(.minutes(1)))
struct EarlyPathTests {
    @Test("an answerer whose checks were answered before it made its answer begins the handshake with it")
    func pathBeforeAnswer() async throws {
        let pair = try ConnectedPair()
        let (offerer, answerer) = (pair.offerer.connection, pair.answerer.connection)
        offerer.addTransceiver(.audio)
        try answerer.acceptOffer(offerer.makeOffer())
        while answerer.statistics.candidatePair == nil { await Task.yield() }
        try offerer.acceptAnswer(answerer.makeAnswer())
        await pair.offerer.isConnected()
        await pair.answerer.isConnected()
        await pair.close()
    }
}
