/// The devices of a machine that has none: what ``DeviceSystem/synthetic(timing:recording:)`` is made of, with their
/// own types, so that a test can give them faults.
public struct SyntheticDeviceSystem: Sendable {
    public let audio: SyntheticAudioDevices
    public let cameras: SyntheticVideoDevices
    public let screens: SyntheticVideoDevices
    /// Tells when one of them is plugged or unplugged.
    public let watch = SyntheticDeviceWatch()

    /// - `recording`: how much sound the speaker keeps.
    public init(timing: SyntheticTiming = .realTime, recording: Duration = .zero) {
        self.init(
            audio: SyntheticAudioDevices(timing: timing, recording: recording), cameras: .cameras(timing: timing),
            screens: .screens(timing: timing))
    }

    public init(audio: SyntheticAudioDevices, cameras: SyntheticVideoDevices, screens: SyntheticVideoDevices) {
        self.audio = audio
        self.cameras = cameras
        self.screens = screens
        for device in audio.microphones { watch.follow(device.hardware, .sound) }
        for device in audio.speakers { watch.follow(device.hardware, .sound) }
        for device in cameras.all { watch.follow(device.hardware, .video) }
    }

    /// As a client is given them.
    public var system: DeviceSystem {
        DeviceSystem(audio: audio, cameras: cameras, screens: screens, watch: watch)
    }

    /// Every device's hardware, for checks that all is closed.
    public var hardware: [SyntheticHardware] {
        audio.microphones.map(\.hardware) + audio.speakers.map(\.hardware) + cameras.all.map(\.hardware)
            + screens.all.map(\.hardware)
    }
}

extension DeviceSystem {
    /// A microphone that hears a tone, a speaker, two cameras and a screen, without hardware.
    public static func synthetic(timing: SyntheticTiming = .realTime, recording: Duration = .zero) -> DeviceSystem {
        SyntheticDeviceSystem(timing: timing, recording: recording).system
    }
}
