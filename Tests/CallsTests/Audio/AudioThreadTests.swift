import Codecs
import Media
import RTP
import Rooms
import Synchronization
import Testing

@testable import Calls

@Suite("The pipelines on the threads of devices")
struct AudioThreadTests {
    @Test("A synthetic microphone is heard in a synthetic speaker, with a voice that comes and goes meanwhile")
    func echo() async throws {
        let format = AudioFormat()
        let devices = SyntheticAudioDevices(recording: .seconds(20))
        let (capture, playback) = (
            AudioRing(format: format, capacity: 16_384), AudioRing(format: format, capacity: 16_384)
        )
        let track = TrackID(sessionID: "echo", kind: .audio)
        let other = TrackID(sessionID: "other", kind: .audio)
        let receiver = try AudioReceiver(ring: playback, settings: OpusSettings(), now: { .now() })
        let sender = try AudioSender(
            ring: capture, settings: OpusSettings(), ssrc: 1, notBefore: .now(), now: { .now() }
        ) { packet in
            receiver.receive(packet, track: track)
            receiver.receive(packet, track: other)
        }
        receiver.addTrack(track)
        let first = Completion()
        sender.onFirstBlock = { first.complete() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await sender.run() }
            group.addTask { await receiver.run() }
            _ = try await devices.speaker.start(playback, options: AudioStreamOptions(), onEvent: { _ in })
            _ = try await devices.microphone.start(capture, options: AudioStreamOptions(), onEvent: { _ in })
            await first.wait()
            var turns = 0
            // Sound of half a second, however long a busy machine takes for it.
            while receiver.statistics[track]?.packets ?? 0 < 25 {
                turns += 1
                turns % 2 == 0 ? receiver.addTrack(other) : receiver.removeTrack(other)
                receiver.volume = turns % 3 == 0 ? 0.5 : 1
                sender.gain = turns % 5 == 0 ? 0.5 : 1
                _ = sender.statistics
                try await Task.sleep(for: .milliseconds(5))
            }
            group.cancelAll()
        }
        // The group is over: both threads are gone.
        await devices.microphone.stop(.release)
        await devices.speaker.stop(.release)
        #expect(sender.statistics.packets >= 25)
        let statistics = try #require(receiver.statistics[track])
        #expect(statistics.lost == 0)
        #expect(statistics.firstSoundAt != nil)
        #expect(devices.speaker.statistics.firstBlockAt != nil)
    }

    @Test("A pipeline with nothing to do ends as soon as its task is cancelled, also before it began")
    func cancel() async throws {
        let ring = AudioRing(format: AudioFormat(), capacity: 4096)
        for isEarly in [true, false] {
            let receiver = try AudioReceiver(ring: ring, settings: OpusSettings(), now: { .now() })
            let sender = try AudioSender(
                ring: ring, settings: OpusSettings(), ssrc: 1, notBefore: .now(), now: { .now() }
            ) { _ in }
            let task = Task {
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { await receiver.run() }
                    group.addTask { await sender.run() }
                }
            }
            if !isEarly { try await Task.sleep(for: .milliseconds(20)) }
            task.cancel()
            await task.value
        }
    }

    @Test("A device as fast as the encoder holds up neither a new device's first block nor the end")
    func neverEmpty() async throws {
        let ring = AudioRing(format: AudioFormat(), capacity: 16_384)
        let bench = NeverEmpty(ring)
        let sender = try AudioSender(
            ring: ring, settings: OpusSettings(), ssrc: 1, notBefore: MonotonicInstant(nanoseconds: 0),
            now: { .now() }
        ) { _ in bench.sent() }
        bench.atFrame(10) { sender.onFirstBlock = { bench.firstBlockCame() } }
        let task = Task { await sender.run() }
        bench.atFrame(50) { task.cancel() }
        bench.feed()
        while bench.frames == 0 {
            sender.soundCaptured()
            await Task.yield()
        }
        await task.value
        #expect(bench.firstBlockAt == 10, "told after the frame, not when the ring runs empty")
        #expect(bench.frames == 50, "nothing is sent after the end was asked for")
    }
}

/// Feeds a ring a frame for every frame that is sent, so that it never runs empty, up to a thousand of them.
private final class NeverEmpty: Sendable {
    private struct State {
        var frames = 0
        var firstBlockAt: Int?
        var actions: [Int: @Sendable () -> Void] = [:]
    }

    private let ring: AudioRing
    private let state = Mutex(State())

    init(_ ring: AudioRing) { self.ring = ring }

    var frames: Int { state.withLock { $0.frames } }
    var firstBlockAt: Int? { state.withLock { $0.firstBlockAt } }

    func atFrame(_ frame: Int, _ action: @escaping @Sendable () -> Void) {
        state.withLock { $0.actions[frame] = action }
    }

    /// On the thread that feeds.
    func sent() {
        let (frame, action) = state.withLock { state in
            state.frames += 1
            return (state.frames, state.actions[state.frames])
        }
        action?()
        if frame < 1000 { feed() }
    }

    func firstBlockCame() { state.withLock { $0.firstBlockAt = $0.frames } }

    func feed() {
        let samples = Tone().samples(from: 0, count: 960)
        let isWritten = unsafe samples.withUnsafeBufferPointer {
            unsafe ring.write($0.baseAddress!, sampleFrames: 960, capturedAt: .now(), isAfterGap: false)
        }
        #expect(isWritten)
    }
}
