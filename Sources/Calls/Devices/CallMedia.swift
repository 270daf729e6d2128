import Media
import Rooms
public import Scopes
import Synchronization

/// The microphone, speaker, camera and screen share of a call, together.
public final class CallMedia: MediaManager {
    public let microphone: MicrophoneManager
    public let speaker: SpeakerManager
    public let camera: CameraManager
    public let screenShare: ScreenShareManager
    /// The machine's devices. While joined it follows what is plugged and unplugged, within 100 ms and one event for each
    /// plugging; it lives as long as the call, and while left shows what was seen last (``refreshDevices()`` looks).
    public let devices = StateFlow(DeviceLists())
    let looks: DeviceLooks
    private let link: CallLink

    init(link: CallLink) {
        self.link = link
        looks = DeviceLooks(into: devices)
        microphone = MicrophoneManager(link: link)
        speaker = SpeakerManager(link: link)
        camera = CameraManager(link: link)
        screenShare = ScreenShareManager(link: link)
    }

    public var call: Call { link.call }

    /// Enabled where any device is, else disabled where any is, else not selected.
    public var status: DeviceStatus {
        let all = [microphone.status, speaker.status, camera.status, screenShare.status]
        return all.contains(.enabled) ? .enabled : all.contains(.disabled) ? .disabled : .notSelected
    }

    /// How often each device of the session was lost and taken up again.
    var recoveries: CallStatistics.Recoveries {
        var recoveries = CallStatistics.Recoveries()
        recoveries.microphone = microphone.recoveries
        recoveries.speaker = speaker.recoveries
        recoveries.camera = camera.recoveries
        recoveries.screenShare = screenShare.recoveries
        return recoveries
    }

    /// With the devices goes what a left call has kept of its transport.
    public func reset() async {
        async let transport: Void = call.service.endStandby(of: call.id)
        async let microphone: Void = microphone.reset()
        async let speaker: Void = speaker.reset()
        async let camera: Void = camera.reset()
        async let screenShare: Void = screenShare.reset()
        _ = await (transport, microphone, speaker, camera, screenShare)
    }

    func reset(keeping standby: StandbyPolicy?) async {
        async let microphone: Void = microphone.reset(keeping: standby)
        async let speaker: Void = speaker.control.reset(keeping: standby)
        async let camera: Void = camera.control.reset(keeping: standby)
        async let screenShare: Void = screenShare.control.reset(keeping: standby)
        _ = await (microphone, speaker, camera, screenShare)
    }

    /// The device that goes with another: the speaker of a headset with its microphone.
    func companion(of control: DeviceControl) -> DeviceControl? {
        if control === microphone.control { return speaker.control }
        return control === speaker.control ? microphone.control : nil
    }

    /// Stops the devices as a leave does.
    func stop(_ standby: StandbyPolicy) async {
        async let microphone: Void = microphone.control.stop(standby)
        async let speaker: Void = speaker.control.stop(standby)
        async let camera: Void = camera.control.stop(standby)
        async let screenShare: Void = screenShare.control.stop(standby)
        _ = await (microphone, speaker, camera, screenShare)
    }

    /// Starts, at a session's beginning, what the call's settings or a person's word before it ask for: each device as
    /// a child of the session's scope, so that none waits for another. The microphone first: a frame of it is what the
    /// others hear last.
    func setUp(
        _ settings: CallSettings, _ capabilities: Set<CallCapability>, in session: CallLifecycle.Session
    ) async throws {
        try microphone.control.setUp(settings.microphoneOn && capabilities.contains(.sendAudio), in: session)
        // This thread goes on with it: another one would have to be woken first.
        await Task.yield()
        try speaker.control.setUp(settings.speakerOn, in: session)
        try camera.control.setUp(settings.cameraOn && capabilities.contains(.sendVideo), in: session)
        try screenShare.control.setUp(nil, in: session)
        await Task.yield()
        try microphone.watchSilence(in: session)
    }
}
