public import Media
public import Rooms
import Scopes
import Synchronization

/// Runs the camera of a call (V4L2 where the client was given no other devices). Switched off, it is stopped and its
/// light goes out.
public final class CameraManager: DeviceManager {
    public let control: DeviceControl
    private let driver: CameraDriver

    init(link: CallLink) {
        driver = CameraDriver(link: link)
        control = DeviceControl(link: link, driver: driver)
    }

    public func devices() async throws(DeviceError) -> [DeviceID] { try await driver.candidates() }

    /// The cameras with their names, directions and modes.
    public func deviceInfos() async throws(DeviceError) -> [VideoDeviceInfo] { try await driver.infos() }

    /// Which way the camera should look; unknown where nobody said.
    public var direction: CameraDirection { driver.choice.withLock { $0.direction } }

    /// Changes to a camera that looks the other way. A camera selected by id is given up for it.
    /// - Throws: `.noDevice` where there is no other camera; the running one goes on.
    public func flip() async throws(DeviceError) {
        let epoch = control.epoch
        let infos = try await driver.infos()
        let current = selectedDevice ?? infos.first?.id
        let present = infos.first { $0.id == current }
        let others = infos.filter { $0.id != current }
        let before = driver.choice.withLock { choice in
            if let present { choice.last[present.direction] = present.id }
            return Set(choice.last.values)
        }
        // Of several that look that way the one that was on before.
        let opposite = others.filter { $0.direction != present?.direction }
        guard
            let next = opposite.first(where: { before.contains($0.id) }) ?? opposite.first ?? others.first
        else {
            throw DeviceError(
                .noDevice, operation: "flip", device: "camera", reason: "there is no other camera",
                advice: "Connect a second one.")
        }
        try await control.select(next.id, since: epoch)
        control.state.withLock { state in
            if state.epoch == epoch { driver.choice.withLock { $0.direction = next.direction } }
        }
    }

    /// The size and rate aimed at; nil: the call's settings, 1280×720 at 30 by default. Counts from the next start.
    public var target: VideoResolution? {
        get { driver.choice.withLock { $0.target } }
        set { driver.choice.withLock { $0.target = newValue } }
    }

    /// The controls of the camera that runs (exposure, focus, …); nil where none runs.
    public var controls: (any VideoControls)? {
        control.link.call.activeSession?.media.camera.withLock { $0?.device.controls }
    }
}

/// Starts cameras for ``DeviceControl``.
final class CameraDriver: DeviceDriver {
    /// What a person asked of the picture.
    struct Choice {
        var direction = CameraDirection.unknown
        /// The camera of each direction that was on last, of those that were flipped away from.
        var last: [CameraDirection: DeviceID] = [:]
        var target: VideoResolution?
    }

    let link: CallLink
    let choice = Mutex(Choice())
    var name: String { "camera" }

    init(link: CallLink) { self.link = link }

    var subject: DeviceSignal.Subject? { .video }

    func infos() async throws(DeviceError) -> [VideoDeviceInfo] { try await link.call.devices.cameras.devices() }

    var preferred: DeviceID? { link.call.configuration.preferredCamera }

    func others() async throws(DeviceError) -> [DeviceID] { try found(ordered(await infos()), "camera") }

    func knownOthers(without card: String?) -> [DeviceID] {
        link.optional.map { ordered($0.media.devices.value.cameras) } ?? []
    }

    private func ordered(_ infos: [VideoDeviceInfo]) -> [DeviceID] {
        let direction = choice.withLock { $0.direction }
        return (infos.filter { $0.direction == direction } + infos.filter { $0.direction != direction }).map(\.id)
    }

    func device(_ id: DeviceID) async throws(DeviceError) -> any RunnableDevice {
        RunnableVideoDevice(try await link.call.devices.cameras.device(id))
    }

    func start(
        _ device: any RunnableDevice, for session: SessionMedia, headroom: Int,
        notice: @escaping @Sendable (DeviceNotice) -> Void
    ) async throws(DeviceError) {
        let resolution = choice.withLock { $0.target } ?? link.call.state.settings.value.camera
        try await session.startVideo(device, VideoTarget(resolution), .video, notice: notice)
    }

    func reduction(in session: SessionMedia) -> String? {
        guard let info = session.camera.withLock({ $0?.info }), info.isReduced else { return nil }
        return "\(info.width)×\(info.height) at \(Int(info.framesPerSecond.rounded())) frames a second"
    }

    func setMuted(_ isMuted: Bool, in session: SessionMedia) async -> Bool { false }

    func isAnnounced(in session: SessionMedia) -> Bool { session.link.isOn(.video) }

    func forget() { choice.withLock { $0 = Choice() } }

    func announce(_ isOn: Bool, in session: SessionMedia) async { await session.announce(.video, isOn: isOn) }
}

extension VideoTarget {
    init(_ resolution: VideoResolution) {
        self.init(
            width: resolution.width, height: resolution.height, framesPerSecond: resolution.framesPerSecond)
    }
}
