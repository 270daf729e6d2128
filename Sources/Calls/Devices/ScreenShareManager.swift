public import Media
import Rooms
import Scopes

/// Shares a monitor or a window in a call. Nothing is shared unless somebody asks: ``DeviceManager/enable()``.
///
/// When it is stopped from outside (the window is closed, the display goes) its status is disabled, with the reason in
/// ``DeviceManager/error``.
public final class ScreenShareManager: DeviceManager {
    public let control: DeviceControl
    private let driver: ScreenDriver

    init(link: CallLink) {
        driver = ScreenDriver(link: link)
        control = DeviceControl(link: link, driver: driver)
    }

    public func devices() async throws(DeviceError) -> [DeviceID] { try await driver.candidates() }

    /// The monitors and windows with their names.
    public func deviceInfos() async throws(DeviceError) -> [VideoDeviceInfo] { try await driver.infos() }
}

/// Starts screens for ``DeviceControl``.
struct ScreenDriver: DeviceDriver {
    let link: CallLink
    var name: String { "screen share" }

    /// A shared window that was closed is not taken up again, nor another in its place: only what somebody chose is shown.
    var subject: DeviceSignal.Subject? { nil }

    func knownOthers(without card: String?) -> [DeviceID] { [] }

    func infos() async throws(DeviceError) -> [VideoDeviceInfo] { try await link.call.devices.screens.devices() }

    var preferred: DeviceID? { link.call.configuration.preferredScreen }

    func others() async throws(DeviceError) -> [DeviceID] { try found(await infos().map(\.id), "screen") }

    func device(_ id: DeviceID) async throws(DeviceError) -> any RunnableDevice {
        RunnableVideoDevice(try await link.call.devices.screens.device(id))
    }

    func start(
        _ device: any RunnableDevice, for session: SessionMedia, headroom: Int,
        notice: @escaping @Sendable (DeviceNotice) -> Void
    ) async throws(DeviceError) {
        let call = link.call
        guard call.state.info.value?.capabilities.contains(.screenShare) ?? true else {
            throw DeviceError(
                .permissionDenied, operation: "share screen", device: device.deviceID.rawValue,
                reason: "this user may not share a screen in \(call.id)",
                advice: "Ask the call's owner for the capability screenShare.")
        }
        let target = VideoTarget(call.state.settings.value.screenShare)
        try await session.startVideo(device, target, .screenShare, notice: notice)
    }

    func setMuted(_ isMuted: Bool, in session: SessionMedia) async -> Bool { false }

    func isAnnounced(in session: SessionMedia) -> Bool { session.link.isOn(.screenShare) }

    func announce(_ isOn: Bool, in session: SessionMedia) async { await session.announce(.screenShare, isOn: isOn) }
}
