import Media
import Rooms
import Testing

@testable import Calls

@Suite("Observing pictures by a callback", .timeLimit(.minutes(2)))
struct VideoObservationTests {
    @Test("An observer from before the first join sees every session's pictures, until it is cancelled or let go of")
    func observe() async throws {
        let fixture = Fixture()
        let (kept, cancelled, dropped) = (Collected<TrackFrame>(), Collected<TrackFrame>(), Collected<TrackFrame>())
        let observation = fixture.call.onRemoteVideo { kept.append($0) }
        let other = fixture.call.onRemoteVideo { cancelled.append($0) }
        _ = fixture.call.onRemoteVideo { dropped.append($0) }
        for session in 0..<2 {
            try await fixture.call.join()
            await untilTrue { !kept.values.isEmpty && (session > 0 || !cancelled.values.isEmpty) }
            await fixture.call.leave()
            let frames = kept.take()
            #expect(frames.allSatisfy { $0.track.kind == .video && $0.frame.format == .i420 })
            if session == 0 {
                other.cancel()
                _ = cancelled.take()
            }
        }
        #expect(cancelled.values.isEmpty && dropped.values.isEmpty)
        observation.cancel()
        observation.cancel()
    }
}
