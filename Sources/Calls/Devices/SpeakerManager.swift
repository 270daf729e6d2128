import Glibc
public import Media
public import Scopes
import Synchronization

/// Runs the speaker of a call (ALSA where the client was given no other devices).
///
/// Switching it off silences it; the device keeps running, so that switching it on again is instant.
public final class SpeakerManager: DeviceManager {
    public let control: DeviceControl
    private let driver: SpeakerDriver

    init(link: CallLink) {
        driver = SpeakerDriver(link: link)
        control = DeviceControl(link: link, driver: driver)
    }

    public func devices() async throws(DeviceError) -> [DeviceID] { try await driver.candidates() }

    /// The devices with their names and kinds.
    public func deviceInfos() async throws(DeviceError) -> [AudioDeviceInfo] { try await driver.infos() }

    /// 0–100 as a person set it, here or with another program at the card's mixer; nil where nobody did. 50 is heard as half
    /// as loud as 100. Forgotten by reset.
    public var volume: Int? { volumes.value }
    /// The volume as it changes.
    public var volumes: StateFlow<Int?> { driver.volumes }

    /// Sets the volume: by the card's mixer where it has one, else in software. Before a join: when the device starts.
    /// - Throws: `.invalidArgument` outside 0–100.
    public func setVolume(_ volume: Int) async throws(DeviceError) {
        guard (0...100).contains(volume) else {
            throw DeviceError(
                .invalidArgument, operation: "setVolume(\(volume))", device: "speaker",
                reason: "a volume is a number from 0 to 100")
        }
        driver.set(volume)
        if let media = control.link.call.activeSession?.media { try await driver.applyVolume(in: media) }
    }

    /// Whether what is heard in the whole room is preferred to a headset.
    public var isSpeakerphone: Bool { driver.sound.withLock { $0.isSpeakerphone } }

    /// Lets everybody in the room hear, or only who wears the headset again.
    ///
    /// On: built-in speakers, else those at a line jack, else a monitor's (HDMI), else as usual. Off: the device that a
    /// person had chosen before, where it can be used, else as usual, a headset first. The last word counts: a selection
    /// made while it is on wins until it is switched again.
    public func setSpeakerphone(_ isOn: Bool) async throws(DeviceError) {
        let selection = control.state.withLock { $0.selection }
        let (isNews, before) = driver.sound.withLock { sound in
            defer {
                if isOn, !sound.isSpeakerphone { sound.before = selection }
                if !isOn { sound.before = nil }
                sound.isSpeakerphone = isOn
            }
            return (sound.isSpeakerphone != isOn, sound.before)
        }
        guard isNews else { return try await control.reroute() }
        control.state.withLock { $0.selection = isOn ? nil : before }
        try await control.reroute()
    }

    /// A control was moved: another program's doing may be the volume.
    func hear(_ signal: DeviceSignal, in session: CallLifecycle.Session) {
        guard signal.event == .controlsChanged, let card = session.media.speaker.withLock({ $0?.device.info.card }),
            signal.name.hasPrefix("\(card): ")
        else { return }
        // The scope is over where it refuses.
        _ = try? session.scope.launch("speaker volume") { [driver] in try await driver.followMixer(in: session.media) }
    }
}

/// Starts speakers for ``DeviceControl``.
final class SpeakerDriver: DeviceDriver {
    /// What a person asked of the sound.
    struct Sound {
        var volume: Int?
        /// What the mixer stood at when it was looked at last, after our own setting: its steps are coarse. Nil before that.
        var mixed: Int?
        var isSpeakerphone = false
        /// What a person had chosen when the speakerphone was switched on.
        var before: DeviceControl.Selection?
    }

    let link: CallLink
    let sound = Mutex(Sound())
    let volumes = StateFlow<Int?>(nil)
    var name: String { "speaker" }

    init(link: CallLink) { self.link = link }

    var subject: DeviceSignal.Subject? { .sound }

    func infos() async throws(DeviceError) -> [AudioDeviceInfo] {
        try await link.call.devices.audio.devices(.playback)
    }

    var preferred: DeviceID? { isSpeakerphone ? nil : link.call.configuration.preferredSpeaker }
    private var isSpeakerphone: Bool { sound.withLock { $0.isSpeakerphone } }

    func others() async throws(DeviceError) -> [DeviceID] {
        try found(routing.order(await infos()).map(\.id), "speaker")
    }

    func knownOthers(without card: String?) -> [DeviceID] {
        routing.order(seen.filter { card == nil || $0.card != card }).map(\.id)
    }

    func known(_ id: DeviceID) -> (any RunnableDevice)? {
        seen.first { $0.id == id }.flatMap { link.optional?.devices.audio.known($0) }.map(RunnableAudioDevice.init)
    }

    private var seen: [AudioDeviceInfo] { link.optional?.media.devices.value.speakers ?? [] }

    private var routing: AudioRouting {
        let call = link.call
        let lists = call.media.devices.value
        return AudioRouting(
            order: call.configuration.routing.order, isSpeakerphone: isSpeakerphone,
            companion: lists.card(ofMicrophone: call.microphone.control.chosen), pairs: lists.pairs)
    }

    func device(_ id: DeviceID) async throws(DeviceError) -> any RunnableDevice {
        RunnableAudioDevice(try await link.call.devices.audio.device(id, .playback))
    }

    func prepare(_ device: any RunnableDevice, for session: SessionMedia, headroom: Int) async throws(DeviceError) {
        guard let audio = (device as? RunnableAudioDevice)?.device else { return }
        try await audio.prepare(session.playbackRing.format, options: options(headroom, session))
    }

    private func options(_ headroom: Int, _ session: SessionMedia) -> AudioStreamOptions {
        var options = session.inPackets(link.call.configuration.speaker)
        options.headroom += headroom
        return options
    }

    func start(
        _ device: any RunnableDevice, for session: SessionMedia, headroom: Int,
        notice: @escaping @Sendable (DeviceNotice) -> Void
    ) async throws(DeviceError) {
        guard let audio = (device as? RunnableAudioDevice)?.device else { return }
        // What was decoded for a speaker that stopped is old by now. Nobody reads the ring before the start.
        session.playbackRing.drainAll()
        let info = try await audio.start(session.playbackRing, options: options(headroom, session)) { event in
            notice(DeviceNotice(event))
        }
        session.speaker.withLock { $0 = SessionMedia.AudioPart(device: audio, info: info) }
        sound.withLock { $0.mixed = nil }
        try await applyVolume(in: session)
    }

    func setMuted(_ isMuted: Bool, in session: SessionMedia) async -> Bool {
        session.audioReceiver.isMuted = isMuted
        return true
    }

    func standIn(in session: SessionMedia) -> (@Sendable () async throws -> Void)? {
        { try await session.playToNothing() }
    }

    func isAnnounced(in session: SessionMedia) -> Bool { false }

    func announce(_ isOn: Bool, in session: SessionMedia) async {}

    func applyVolume(in session: SessionMedia) async throws(DeviceError) {
        guard let volume = sound.withLock({ $0.volume }), let part = session.speaker.withLock({ $0 }) else { return }
        if let mixer = await part.device.mixer {
            // What is heard of it meanwhile is our own doing.
            sound.withLock { $0.mixed = nil }
            try await mixer.setVolume(volume)
            let mixed = try await mixer.volume()
            sound.withLock { $0.mixed = mixed }
            // The device before may have had none.
            session.audioReceiver.volume = 1
        } else {
            session.audioReceiver.volume = Self.gain(ofVolume: volume)
        }
    }

    /// A control of a card was moved, perhaps by another program: its volume is then the call's.
    func followMixer(in session: SessionMedia) async throws(DeviceError) {
        guard let part = session.speaker.withLock({ $0 }), let mixer = await part.device.mixer else { return }
        let mixed = try await mixer.volume()
        let isMoved = sound.withLock { sound in
            defer { sound.mixed = mixed }
            return sound.mixed.map { $0 != mixed } ?? false
        }
        if isMoved { set(mixed) }
    }

    func forget() {
        sound.withLock { $0 = Sound() }
        volumes.set(nil)
    }

    func set(_ volume: Int) {
        sound.withLock { $0.volume = volume }
        volumes.set(volume)
    }

    /// Half the volume is heard as half as loud: 10 dB a halving, silence at 0.
    static func gain(ofVolume volume: Int) -> Float {
        guard volume > 0 else { return 0 }
        // Loudness doubles every 10 dB, so amplitude goes with the volume to the power of log2(10) / 2.
        return powf(Float(volume) / 100, 1.660964)
    }
}
