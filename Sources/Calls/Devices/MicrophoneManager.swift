public import Media
import Rooms
public import Scopes
import Synchronization

/// Runs the microphone of a call (ALSA where the client was given no other devices).
///
/// Muting (``DeviceManager/disable()``) keeps the device open, so that unmuting is instant and speaking while muted can
/// be told; ``CallConfiguration/closesMutedMicrophone`` makes it close.
public final class MicrophoneManager: DeviceManager {
    public let control: DeviceControl
    /// Whether it delivers only zeros, as it changes.
    public let silences = StateFlow<MicrophoneSilence?>(nil)
    private let driver: MicrophoneDriver

    init(link: CallLink) {
        driver = MicrophoneDriver(link: link)
        control = DeviceControl(link: link, driver: driver)
    }

    public func devices() async throws(DeviceError) -> [DeviceID] { try await driver.candidates() }

    /// The devices with their names and kinds.
    public func deviceInfos() async throws(DeviceError) -> [AudioDeviceInfo] { try await driver.infos() }

    /// Why nothing is heard of a microphone that runs; nil where something is, or none runs.
    public var silence: MicrophoneSilence? { silences.value }

    public func reset() async { await control.reset { await self.reset(keeping: nil) } }

    func reset(keeping standby: StandbyPolicy?) async {
        silences.set(nil)
        await control.reset(keeping: standby)
    }

    /// Whether sound comes in while the microphone is muted: to show a hint to the person who speaks.
    public var isSpeakingWhileMuted: Bool {
        guard status == .disabled, let media = control.link.call.activeSession?.media else { return false }
        return media.audioSender.statistics.levelDBov > Double(CallState.speechThreshold)
    }
}

/// Starts microphones for ``DeviceControl``.
struct MicrophoneDriver: DeviceDriver {
    let link: CallLink
    var name: String { "microphone" }

    var subject: DeviceSignal.Subject? { .sound }

    func infos() async throws(DeviceError) -> [AudioDeviceInfo] {
        try await link.call.devices.audio.devices(.capture)
    }

    var preferred: DeviceID? { link.call.configuration.preferredMicrophone }

    func others() async throws(DeviceError) -> [DeviceID] {
        try found(routing.order(await infos()).map(\.id), "microphone")
    }

    func knownOthers(without card: String?) -> [DeviceID] {
        routing.order(seen.filter { card == nil || $0.card != card }).map(\.id)
    }

    func known(_ id: DeviceID) -> (any RunnableDevice)? {
        seen.first { $0.id == id }.flatMap { link.optional?.devices.audio.known($0) }.map(RunnableAudioDevice.init)
    }

    private var seen: [AudioDeviceInfo] { link.optional?.media.devices.value.microphones ?? [] }

    private var routing: AudioRouting {
        let call = link.call
        let lists = call.media.devices.value
        return AudioRouting(
            order: call.configuration.routing.order,
            companion: lists.card(ofSpeaker: call.speaker.control.chosen),
            pairs: lists.pairs)
    }

    func device(_ id: DeviceID) async throws(DeviceError) -> any RunnableDevice {
        RunnableAudioDevice(try await link.call.devices.audio.device(id, .capture))
    }

    func prepare(_ device: any RunnableDevice, for session: SessionMedia, headroom: Int) async throws(DeviceError) {
        guard let audio = (device as? RunnableAudioDevice)?.device else { return }
        try await audio.prepare(session.captureRing.format, options: options(headroom, session))
    }

    private func options(_ headroom: Int, _ session: SessionMedia) -> AudioStreamOptions {
        var options = session.inPackets(link.call.configuration.microphone)
        options.headroom += headroom
        return options
    }

    func start(
        _ device: any RunnableDevice, for session: SessionMedia, headroom: Int,
        notice: @escaping @Sendable (DeviceNotice) -> Void
    ) async throws(DeviceError) {
        guard let audio = (device as? RunnableAudioDevice)?.device else { return }
        let options = options(headroom, session)
        let arrival = Arrival(device: device.deviceID.rawValue)
        session.audioSender.onFirstBlock = { arrival.arrived() }
        let info = try await audio.start(session.captureRing, options: options) { event in
            if case .ended(let error) = event { arrival.failed(error) }
            if case .stalled(let error) = event, error.code == .neverStarted { arrival.failed(error) }
            notice(DeviceNotice(event))
        }
        session.microphone.withLock { $0 = SessionMedia.AudioPart(device: audio, info: info) }
        try await arrival.value(
            atMost: options.stallAfter + Arrival.grace, clock: link.call.configuration.clock)
    }

    func setMuted(_ isMuted: Bool, in session: SessionMedia) async -> Bool {
        session.audioSender.isMuted = isMuted
        return !link.call.configuration.closesMutedMicrophone
    }

    /// Before the track was published there is nobody who could miss it.
    func standIn(in session: SessionMedia) -> (@Sendable () async throws -> Void)? {
        guard session.link.isPublished(.audio) else { return nil }
        return { try await session.sendSilence() }
    }

    func isAnnounced(in session: SessionMedia) -> Bool { session.link.isOn(.audio) }

    func announce(_ isOn: Bool, in session: SessionMedia) async {
        await session.announce(.audio, isOn: isOn)
    }
}

/// - Throws: `.noDevice` for an empty list.
func found(_ devices: [DeviceID], _ kind: String) throws(DeviceError) -> [DeviceID] {
    guard !devices.isEmpty else {
        throw DeviceError(
            .noDevice, operation: "choose \(kind)", device: kind, reason: "no \(kind) is connected",
            advice: "Connect one, or see `reprise doctor` for one that is there but cannot be used.")
    }
    return devices
}

extension DeviceNotice {
    init(_ event: AudioDeviceEvent) {
        self =
            switch event {
            case .ended(let error): .ended(error)
            case .stalled(let error): .stalled(error)
            case .resumed: .resumed
            case .recovered(let xruns, let gap): .recovered(xruns: xruns, gap: gap)
            }
    }

    init(_ event: VideoDeviceEvent) {
        self =
            switch event {
            case .ended(let error): .ended(error)
            case .stalled(let error): .stalled(error)
            case .resumed: .resumed
            }
    }
}
