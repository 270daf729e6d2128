import Media
import Reprise
import Testing

/// What the HDA and the USB speaker play is heard by the host.
@Suite("A call's speaker on hardware drivers", .enabled(if: DeviceLab.isHere), .serialized)
struct CallSpeakerTests {
    @Test(
        "plays what came from the microphone",
        arguments: [("hda", CallInLab.Devices.hda.speaker, 600.0), ("usb", CallInLab.Devices.usb.speaker, 800.0)])
    func plays(card: String, speaker: DeviceID?, frequency: Double) async throws {
        // A card that was taken out by another test comes back muted.
        _ = try await DeviceLab.shell("amixer -q -c Intel sset Master 100% unmute")
        var devices = CallInLab.Devices.loopback
        devices.speaker = speaker
        let lab = try await CallInLab(devices)
        let player = try await Tone(frequency: frequency, amplitude: 0.5).speak(seconds: 60)
        try await lab.join()
        let isHeard = try await reached {
            try await DeviceLab.shell("$LAB_DIRECTORY/ask-host heard \(card) \(frequency)").status == 0
        }
        let last = try await DeviceLab.shell("$LAB_DIRECTORY/ask-host heard \(card) \(frequency)")
        #expect(isHeard, "\(last.errors)")
        await lab.leave()
        try await player.stop()
    }
}
