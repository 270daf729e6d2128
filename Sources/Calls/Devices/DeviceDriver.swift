import Media

/// What differs between the four device managers; ``DeviceControl`` does the rest.
protocol DeviceDriver: Sendable {
    /// `microphone`, `camera`: for traces and errors.
    var name: String { get }

    /// What the application's configuration puts before all others; tried without looking what else there is, which is
    /// what a fast rejoin takes.
    var preferred: DeviceID? { get }

    /// All devices there are, as routing prefers them.
    /// - Throws: `.noDevice` where there is none.
    func others() async throws(DeviceError) -> [DeviceID]

    /// The device with an id, or with a backend's name for one; opens nothing.
    func device(_ id: DeviceID) async throws(DeviceError) -> any RunnableDevice

    /// The same, as they were seen last: asks nobody, so it takes no time. Empty where nobody has looked yet.
    /// - `card`: one that is gone since.
    func knownOthers(without card: String?) -> [DeviceID]

    /// One of these, at once; nil where the machine has to be asked.
    func known(_ id: DeviceID) -> (any RunnableDevice)?

    /// The signals that may mean another choice.
    var subject: DeviceSignal.Subject? { get }

    /// Opens a device while another still runs; nothing where it cannot be opened ahead.
    func prepare(_ device: any RunnableDevice, for session: SessionMedia, headroom: Int) async throws(DeviceError)

    /// Starts a device for a session.
    /// - `headroom`: blocks that a sound device's buffer holds beyond the usual.
    /// - `notice`: called from the device's thread for what it tells by itself.
    /// - Returns when the device has delivered.
    func start(
        _ device: any RunnableDevice, for session: SessionMedia, headroom: Int,
        notice: @escaping @Sendable (DeviceNotice) -> Void
    ) async throws(DeviceError)

    /// What the device that runs has, where its bus has no room for what is wanted; nil where all is as wanted.
    func reduction(in session: SessionMedia) -> String?

    /// Silences the running device without stopping it, or lets it sound again.
    /// - Returns: false where the device has to be stopped for that.
    func setMuted(_ isMuted: Bool, in session: SessionMedia) async -> Bool

    /// What goes on in the device's place while none is there, until it is cancelled; nil for nothing.
    func standIn(in session: SessionMedia) -> (@Sendable () async throws -> Void)?

    /// Tells the others that the device's track begins, or is muted.
    func announce(_ isOn: Bool, in session: SessionMedia) async

    /// Whether the others think that it is on.
    func isAnnounced(in session: SessionMedia) -> Bool

    /// Forgets what a person asked of it: the device is reset.
    func forget()
}

extension DeviceDriver {
    /// The devices to try first.
    func candidates() async throws(DeviceError) -> [DeviceID] {
        if let preferred { return [preferred] }
        return try await others()
    }

    func prepare(_ device: any RunnableDevice, for session: SessionMedia, headroom: Int)
        async throws(DeviceError)
    {}

    func known(_ id: DeviceID) -> (any RunnableDevice)? { nil }

    func reduction(in session: SessionMedia) -> String? { nil }

    func standIn(in session: SessionMedia) -> (@Sendable () async throws -> Void)? { nil }

    func forget() {}
}

/// A microphone, speaker, camera or screen: what can be stopped again.
protocol RunnableDevice: AnyObject, Sendable {
    var deviceID: DeviceID { get }
    /// As a person reads it: the same in another socket.
    var name: String { get }
    /// The card of a sound device.
    var card: String? { get }
    func stop(_ standby: StandbyPolicy) async
}

/// What a running device tells.
enum DeviceNotice: Sendable {
    case ended(DeviceError)
    case stalled(DeviceError)
    case resumed
    case recovered(xruns: Int64, gap: Duration)
}

/// An audio device as ``DeviceControl`` holds it.
final class RunnableAudioDevice: RunnableDevice {
    let device: any AudioDevice
    init(_ device: any AudioDevice) { self.device = device }
    var deviceID: DeviceID { device.info.id }
    var name: String { device.info.name }
    var card: String? { device.info.card }
    func stop(_ standby: StandbyPolicy) async { await device.stop(standby) }
}

/// A video device as ``DeviceControl`` holds it.
final class RunnableVideoDevice: RunnableDevice {
    let device: any VideoDevice
    init(_ device: any VideoDevice) { self.device = device }
    var deviceID: DeviceID { device.info.id }
    var name: String { device.info.name }
    var card: String? { nil }
    func stop(_ standby: StandbyPolicy) async { await device.stop(standby) }
}
