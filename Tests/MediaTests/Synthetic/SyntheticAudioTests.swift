import Foundation
import Media
import Testing

@Suite("Synthetic microphone and speaker, in manual time")
struct SyntheticAudioTests {
    let clock = SyntheticClock()
    var timing: SyntheticTiming { .manual(clock) }

    @Test("the first block is short, the others a period; every stamp is the time of its first sample")
    func blocks() async throws {
        let microphone = SyntheticMicrophone(timing: timing)
        let ring = AudioRing(format: AudioFormat(), capacity: 4800)
        let start = clock.now
        let info = try await microphone.start(ring, options: AudioStreamOptions(), onEvent: { _ in })
        #expect(info.rate == 48_000 && info.channels == 1 && info.periodFrames == 480 && !info.reused)
        #expect(info.device == microphone.info.id && info.realTime == .notAsked)
        #expect(ring.fill == 0)
        clock.advance(by: .microseconds(2500))
        #expect(ring.fill == 120)
        clock.advance(by: .microseconds(9999))
        #expect(ring.fill == 120)
        clock.advance(by: .microseconds(20_001))
        let blocks = ring.readAll().map(\.read)
        #expect(blocks.map(\.sampleFrames) == [120, 480, 480, 480].prefix(blocks.count).map { $0 })
        #expect(
            blocks.map { $0.capturedAt - start }
                == [.zero, .microseconds(2500), .microseconds(12_500), .microseconds(22_500)].prefix(blocks.count).map {
                    $0
                })
        #expect(blocks.count == 4)
        let statistics = microphone.statistics
        #expect(statistics.startedAt == start && statistics.firstSampleAt == start)
        #expect(statistics.firstBlockAt == start + .microseconds(2500))
        #expect(statistics.sampleFrames == 1560 && statistics.periods == 4 && statistics.xruns == 0)
    }

    @Test(
        "a tone has its frequency and its level on every channel",
        arguments: [(440.0, 0.5, 1, 48_000), (1000, 1, 2, 48_000), (997.5, 0.1, 1, 44_100), (50, 0.25, 2, 16_000)])
    func tone(frequency: Double, level: Double, channels: Int, rate: Int) async throws {
        let microphone = SyntheticMicrophone(sound: .tone(frequency: frequency, level: level), timing: timing)
        let ring = AudioRing(format: AudioFormat(rate: rate, channels: channels), capacity: rate * 2)
        _ = try await microphone.start(ring, options: AudioStreamOptions(), onEvent: { _ in })
        clock.advance(by: .milliseconds(1000))
        let samples = ring.readAll().flatMap(\.samples)
        let first = stride(from: 0, to: samples.count, by: channels).map { Double(samples[$0]) }
        for channel in 1..<max(2, channels) where channel < channels {
            #expect(stride(from: channel, to: samples.count, by: channels).map { Double(samples[$0]) } == first)
        }
        let peak = first.map(abs).max() ?? 0
        #expect(abs(peak / 32767 - level) < 0.01)
        // Nearly all of the power is at the frequency: the sum over whole periods against the tone's own.
        var real = 0.0
        var imaginary = 0.0
        for (index, value) in first.enumerated() {
            let phase = 2 * Double.pi * frequency * Double(index) / Double(rate)
            real += value * cos(phase)
            imaginary += value * sin(phase)
        }
        let amplitude = 2 * (real * real + imaginary * imaginary).squareRoot() / Double(first.count)
        #expect(abs(amplitude / 32767 - level) < 0.01)
        await microphone.stop(.release)
    }

    @Test("stamped samples count from the clock's zero, so that after a restart none is older than the start")
    func stamps() async throws {
        let microphone = SyntheticMicrophone(sound: .stamps, timing: timing)
        for standby in [StandbyPolicy.warm, .release, .warm] {
            let ring = AudioRing(format: AudioFormat(), capacity: 4800)
            let first = SyntheticSound.sampleFrame(at: clock.now, rate: 48_000)
            _ = try await microphone.start(ring, options: AudioStreamOptions(), onEvent: { _ in })
            clock.advance(by: .microseconds(12_500))
            let samples = ring.readAll().flatMap(\.samples)
            #expect(samples == (0..<600).map { Int16(truncatingIfNeeded: first + $0) })
            await microphone.stop(standby)
            clock.advance(by: .milliseconds(1234))
        }
    }

    @Test("the sound may change while the microphone runs")
    func changedSound() async throws {
        let microphone = SyntheticMicrophone(sound: .silence, timing: timing)
        let ring = AudioRing(format: AudioFormat(), capacity: 4800)
        _ = try await microphone.start(ring, options: AudioStreamOptions(), onEvent: { _ in })
        clock.advance(by: .milliseconds(30))
        #expect(ring.readAll().flatMap(\.samples).allSatisfy { $0 == 0 })
        microphone.sound = .tone(frequency: 440, level: 1)
        #expect(microphone.sound == .tone(frequency: 440, level: 1))
        clock.advance(by: .milliseconds(30))
        #expect(ring.readAll().flatMap(\.samples).contains { $0 > 32_000 })
    }

    @Test("what a full ring refuses is counted, and the next block is marked as after a gap")
    func fullRing() async throws {
        let microphone = SyntheticMicrophone(timing: timing)
        let ring = AudioRing(format: AudioFormat(), capacity: 1024)
        _ = try await microphone.start(ring, options: AudioStreamOptions(), onEvent: { _ in })
        clock.advance(by: .microseconds(32_500))
        #expect(microphone.statistics.ringMisses == 960)
        #expect(ring.readAll().map(\.read.isAfterGap) == [false, false])
        clock.advance(by: .milliseconds(20))
        #expect(ring.readAll().map(\.read.isAfterGap) == [true, false])
    }

    @Test("a speaker plays what is in the ring, a period later, and records it with its times")
    func recording() async throws {
        let speaker = SyntheticSpeaker(recording: .milliseconds(100), timing: timing)
        let ring = AudioRing(format: AudioFormat(), capacity: 4800)
        let start = clock.now
        let block = (0..<600).map { Int16($0) }
        _ = try await speaker.start(ring, options: AudioStreamOptions(), onEvent: { _ in })
        clock.advance(by: .milliseconds(10))
        #expect(ring.write(block, at: start + .milliseconds(3), kind: .concealed, isAfterGap: true))
        clock.advance(by: .milliseconds(30))
        #expect(speaker.recording.samples == block)
        let blocks = speaker.recording.blocks
        #expect(blocks.map(\.sampleFrames) == [480, 120])
        #expect(blocks.map(\.offset) == [0, 480])
        #expect(blocks.map { $0.playedAt - start } == [.milliseconds(30), .milliseconds(40)])
        #expect(blocks.map { $0.capturedAt - start } == [.milliseconds(3), .milliseconds(13)])
        #expect(blocks.map(\.isAfterGap) == [true, false] && blocks.allSatisfy { $0.kind == .concealed })
        let statistics = speaker.statistics
        #expect(statistics.sampleFrames == 1920 && statistics.ringMisses == 1920 - 600)
        #expect(statistics.firstBlockAt == start + .milliseconds(20))
        #expect(statistics.firstSampleAt == start + .milliseconds(30) && statistics.delayFrames == 480)
        #expect(!speaker.recording.isFull)
    }

    @Test("a full recording says so and keeps what it has")
    func fullRecording() async throws {
        let speaker = SyntheticSpeaker(recording: .milliseconds(15), timing: timing)
        let ring = AudioRing(format: AudioFormat(), capacity: 4800)
        _ = try await speaker.start(ring, options: AudioStreamOptions(), onEvent: { _ in })
        #expect(ring.write([Int16](repeating: 7, count: 960), at: clock.now))
        clock.advance(by: .milliseconds(20))
        #expect(speaker.recording.samples.count == 480 && speaker.recording.isFull)
    }

    @Test("handles are opened, kept warm and closed as the policy says", arguments: AudioDirection.allCases)
    func handles(_ direction: AudioDirection) async throws {
        let devices = SyntheticAudioDevices(timing: timing)
        let hardware = direction == .capture ? devices.microphone.hardware : devices.speaker.hardware
        let device = try await devices.device(hardware.id, direction)
        let ring = AudioRing(format: AudioFormat(), capacity: 4800)
        await device.stop(.release)
        #expect(hardware.opens == 0 && hardware.closes == 0)
        #expect(try await !device.start(ring, options: AudioStreamOptions(), onEvent: { _ in }).reused)
        #expect(hardware.isOpen && hardware.isRunning)
        await device.stop(.warm)
        await device.stop(.warm)
        #expect(hardware.isOpen && !hardware.isRunning)
        #expect(try await device.start(ring, options: AudioStreamOptions(), onEvent: { _ in }).reused)
        // Started while it runs: the stream before is over.
        #expect(try await device.start(ring, options: AudioStreamOptions(), onEvent: { _ in }).reused)
        await device.stop(.release)
        await device.stop(.release)
        #expect(!hardware.isOpen && !hardware.isRunning)
        #expect(hardware.opens == 1 && hardware.closes == 1 && hardware.starts == 3)
    }

    @Test("a volume control remembers, and refuses what is no volume")
    func mixer() async throws {
        let speaker = SyntheticSpeaker(mixer: SyntheticMixer(volume: 40), timing: timing)
        let mixer = try #require(speaker.mixer)
        #expect(try await mixer.volume() == 40)
        try await mixer.setVolume(100)
        try await mixer.setMuted(true)
        #expect(try await mixer.volume() == 100)
        #expect(try await mixer.isMuted())
        for volume in [-1, 101] {
            await #expect { try await mixer.setVolume(volume) } throws: {
                ($0 as? DeviceError)?.code == .invalidArgument
            }
        }
        #expect(SyntheticSpeaker(timing: timing).mixer == nil)
    }
}
