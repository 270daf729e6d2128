import Media
import Synchronization
import Testing

@Suite("Synthetic devices, first look")
struct SyntheticSmokeTests {
    @Test("microphone in manual time")
    func microphone() async throws {
        let clock = SyntheticClock()
        let system = SyntheticDeviceSystem(timing: .manual(clock), recording: .seconds(2))
        let ring = AudioRing(format: AudioFormat(), capacity: 48000)
        let info = try await system.audio.microphone.start(ring, options: AudioStreamOptions(), onEvent: { _ in })
        #expect(info.periodFrames == 480)
        clock.advance(by: .milliseconds(100))
        #expect(ring.fill == 120 + 480 * 9)
        _ = try await system.audio.speaker.start(ring, options: AudioStreamOptions(), onEvent: { _ in })
        clock.advance(by: .milliseconds(1000))
        print(system.audio.speaker.statistics, system.audio.speaker.recording.blocks.prefix(3))
        print(system.audio.microphone.statistics)
        await system.audio.microphone.stop(.release)
        await system.audio.speaker.stop(.release)
        #expect(system.hardware.allSatisfy { !$0.isOpen && $0.opens == $0.closes })
    }

    @Test("camera in real time", .timeLimit(.minutes(1)))
    func camera() async throws {
        let system = SyntheticDeviceSystem()
        let frames = AsyncStream<(UInt32?, UInt32)>.makeStream()
        _ = try await system.cameras.first.start(
            .camera, deliver: { frames.continuation.yield((TestPicture.counter(in: $0), $0.sequence)) },
            onEvent: { _ in })
        var seen = 0
        for await (counter, sequence) in frames.stream {
            #expect(counter == sequence)
            seen += 1
            if seen == 5 { break }
        }
        await system.cameras.first.stop(.release)
        print(system.cameras.first.statistics)
    }
}
