import Rooms
import Scopes
import Synchronization
import Media
import TestSupport
import Testing

@testable import Calls

/// The process may open no more files.
@Suite("Descriptors exhausted", .timeLimit(.minutes(1)))
struct DescriptorTests {
    @Test("A join says so and leaves nothing; with some again it works")
    func join() async {
        await #expect(processExitsWith: .success) {
            let script = ScriptedCall()
            let limit = DescriptorLimit()
            for _ in 1...3 {
                let error = await #expect(throws: CallError.self) { try await script.call.join() }
                #expect(error?.code == .joinFailed && error?.reason.contains("Too many open files") == true)
                #expect(error?.advice?.contains("ulimit -n") == true)
                #expect(script.call.state.connection.value == .idle && script.call.sessions.childCount == 0)
            }
            limit.restore()
            try await script.joinAndRun()
            await script.call.leave()
        }
    }

    @Test("A call goes on: its devices change, others come and go, and it ends as usual")
    func inTheCall() async {
        await #expect(processExitsWith: .success) {
            let script = ScriptedCall()
            try await script.joinAndRun()
            let call = script.call
            await script.until { script.runs(call.camera, "front") }
            let limit = DescriptorLimit()
            script.unplug("headset:mic")
            await script.until { script.runs(call.microphone, "board:mic") }
            try await call.camera.flip()
            // A picture's receiver has a thread of its own.
            let track = TrackID(sessionID: "somebody", kind: .video)
            let media = try #require(call.activeSession?.media)
            media.addTrack(track)
            #expect(media.videoReceivers.withLock { $0[track] } != nil)
            await script.pass(.seconds(1))
            media.removeTrack(track)
            script.plugIn("headset:mic")
            await script.until { script.runs(call.microphone, "headset:mic") }
            #expect(call.state.connection.value == .joined && call.generation == 1)
            await call.leave()
            limit.restore()
            try await script.joinAndRun()
            await call.leave()
        }
    }
}
