import Media
import Reprise
import Testing

/// What another program does at the mixer of a real card, in a running call.
@Suite("A card's mixer that others move", .enabled(if: DeviceLab.isHere), .serialized)
struct CallMixerTests {
    @Test("a volume set by the call is the mixer's, and one set by another program is the call's")
    func volume() async throws {
        try await amixer("sset Master 100% unmute")
        let watch = try await FaultWatch(.hda)
        let speaker = watch.lab.call.speaker
        #expect(speaker.volume == nil)
        try await speaker.setVolume(20)
        let quiet = try await master()
        #expect(quiet < 100)
        try await amixer("sset Master 100%")
        let isFollowed = await reached { speaker.volume == 100 }
        #expect(isFollowed, "\(String(describing: speaker.volume))")
        try await amixer("sset Master \(quiet)%")
        let isQuietAgain = await reached { (15...25).contains(speaker.volume ?? 0) }
        #expect(isQuietAgain, "\(String(describing: speaker.volume)) at \(quiet) %")
        #expect(watch.lab.managers.allSatisfy { $0.recoveries.losses == 0 && $0.error == nil })
        await watch.end()
        try await amixer("sset Master 100%")
    }

    @Test(
        "a microphone that hears only zeros is told as such, by its mixer where that mutes it, and is not restarted",
        arguments: [("cap", MicrophoneSilence.allZero), ("nocap", .mutedByMixer)])
    func zeros(capture: String, silence: MicrophoneSilence) async throws {
        try await amixer("sset Capture \(capture)")
        let watch = try await FaultWatch(.hda)
        let microphone = watch.lab.call.microphone
        let isTold = await reached { microphone.silence != nil }
        #expect(isTold && microphone.silence == silence, "\(String(describing: microphone.silence))")
        #expect(
            microphone.status == .enabled && microphone.recoveries.restarts == 0 && microphone.recoveries.stalls == 0)
        await watch.end()
        try await amixer("sset Capture cap")
    }

    /// The mixer's position in per cent.
    private func master() async throws -> Int {
        let text = try await DeviceLab.shell("amixer -c Intel sget Master").output
        let percent = try #require(text.split(separator: "[").first { $0.contains("%]") }?.prefix { $0 != "%" })
        return try #require(Int(percent))
    }

    private func amixer(_ words: String) async throws {
        let result = try await DeviceLab.shell("amixer -q -c Intel \(words)")
        try #require(result.status == 0, "\(result.errors)")
    }
}
