public import Media
public import Scopes
import Synchronization

/// Runs one device for a call: the microphone, the speaker, the camera or the shared screen.
///
/// What is asked for while the call is not joined counts for the next join, and wins over the call's settings; nothing
/// is opened before. A leave returns every device to ``DeviceStatus/notSelected``.
/// - Thread: any; operations are carried out one after the other.
public protocol DeviceManager: MediaManager {
    /// What the managers have in common. Opaque.
    var control: DeviceControl { get }

    /// The devices there are, the one that routing prefers first.
    func devices() async throws(DeviceError) -> [DeviceID]
}

extension DeviceManager {
    public var call: Call { control.link.call }

    public var status: DeviceStatus { control.status.value }
    /// The status as it changes.
    public var statuses: StateFlow<DeviceStatus> { control.status }
    /// Why the device is not enabled though it should be; nil where all is well.
    public var error: DeviceError? { control.error.value }
    /// The error as it changes.
    public var errors: StateFlow<DeviceError?> { control.error }
    /// The device that runs, or that was selected to.
    public var selectedDevice: DeviceID? { control.selected.value }
    /// The selected device as it changes.
    public var selectedDevices: StateFlow<DeviceID?> { control.selected }

    /// How often the session's device was lost and taken up again, and for how long it was silent. Since the join.
    public var recoveries: DeviceRecoveries { control.state.withLock { $0.recoveries } }

    /// Whether it delivers.
    public var isEnabled: Bool { status == .enabled }

    /// Switches the device on. In a session it returns when the device delivers.
    /// - Throws: `.noDevice` where there is none (also before a join), and what starting it gives; `.cancelled` when a
    ///   leave or reset came meanwhile.
    public func enable() async throws(DeviceError) { try await setEnabled(true) }

    /// Switches the device off: a microphone and speaker are silenced, a camera and screen stopped.
    public func disable() async throws(DeviceError) { try await setEnabled(false) }

    /// - `fromUser`: a person's word also ends a pause; the application's does not.
    public func setEnabled(_ isOn: Bool, fromUser: Bool = true) async throws(DeviceError) {
        try await control.setEnabled(isOn, fromUser: fromUser)
    }

    public func toggle() async throws(DeviceError) { try await setEnabled(status != .enabled) }

    /// Holds the device back until ``resume()``, which returns it to what it was before the first pause.
    public func pause() async throws(DeviceError) { try await control.pause() }

    public func resume() async throws(DeviceError) { try await control.resume() }

    /// Chooses a device. In a session it switches at once; where the new one cannot be started, the one before is
    /// taken up again and the error is thrown.
    /// - `device`: an id as listed, or the backend's own name (a PCM name, `/dev/video2`); nil: as routing prefers.
    /// - Throws: `.noDevice` for an unknown one, naming those there are.
    public func select(_ device: DeviceID?) async throws(DeviceError) { try await control.select(device) }

    public func reset() async { await control.reset { [control] in await control.reset(keeping: nil) } }
}
