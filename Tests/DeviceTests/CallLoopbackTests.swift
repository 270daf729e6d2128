import Glibc
import Media
import Reprise
import Testing

@Suite("A call on the loopback card", .enabled(if: DeviceLab.isHere), .serialized)
struct CallLoopbackTests {
    @Test(
        "a tone at the microphone comes back out of the speaker with its frequency and level",
        arguments: [(440.0, 0.5), (1000.0, 0.25)])
    func toneComesBack(frequency: Double, amplitude: Double) async throws {
        let tone = Tone(frequency: frequency, amplitude: amplitude)
        let lab = try await CallInLab(.loopback)
        let player = try await tone.speak(seconds: 60)
        try await lab.join()

        let file = "\(DeviceLab.shared)/loopback-\(Int(frequency)).wav"
        let recorder = try await DeviceLab.run(
            "arecord", "-q", "-D", "plughw:Loopback,1,1", "-f", "S16_LE", "-r", "48000", "-c", "2", "-d", "4",
            file)
        #expect(recorder.status == 0, "\(recorder.errors)")
        await lab.leave()
        try await player.stop()

        // A loaded machine tears the sound now and then, and drift correction bends it by up to a percent: the best
        // quarter of short windows shows what it is.
        let windows = try Recording(file).lastSound(seconds: 2).windows(seconds: 0.02)
        #expect(windows.count >= 75)
        let ranked = windows.map { ($0.purity(at: frequency), $0) }.sorted { $0.0 > $1.0 }
        let best = ranked.prefix(windows.count / 4)
        #expect(median(best.map(\.0)) > 0.9)
        let pitch = median(best.map(\.1.frequency))
        #expect(abs(pitch - frequency) < frequency * 0.015, "\(pitch) Hz")
        let (sent, level) = (20 * log10(amplitude), median(best.map(\.1.level)))
        #expect(abs(level - sent) < 3, "\(level) dB of \(sent) dB")
    }

    @Test("a muted microphone sends no sound, and keeps its device")
    func muted() async throws {
        let tone = Tone(frequency: 500, amplitude: 0.5)
        let lab = try await CallInLab(.loopback)
        let player = try await tone.speak(seconds: 60)
        try await lab.join()
        try await lab.call.microphone.disable()

        let file = "\(DeviceLab.shared)/muted.wav"
        _ = try await DeviceLab.run(
            "arecord", "-q", "-D", "plughw:Loopback,1,1", "-f", "S16_LE", "-r", "48000", "-c", "2", "-d", "3",
            file)
        let recording = try Recording(file)
        #expect(Recording(samples: Array(recording.samples.suffix(Tone.rate))).level < -60)
        #expect(await lab.flows())

        try await lab.call.microphone.enable()
        #expect(lab.call.microphone.status == .enabled)
        await lab.leave()
        try await player.stop()
    }
}
