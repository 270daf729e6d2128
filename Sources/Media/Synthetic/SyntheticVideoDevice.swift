import Synchronization

/// A camera or a screen without hardware: it shows a ``TestPicture``.
///
/// Its frames are I420. The number of a frame, counted from the start of its stream, is both its sequence and the
/// counter in its pixels.
public final class SyntheticVideoDevice: VideoDevice {
    /// A colour by which devices are told apart, as the values of the U and V planes.
    public struct Hue: Sendable, Hashable {
        public var u: UInt8
        public var v: UInt8

        public init(u: UInt8, v: UInt8) {
            self.u = u
            self.v = v
        }

        public static let blue = Hue(u: 160, v: 110)
        public static let red = Hue(u: 110, v: 160)
        public static let grey = Hue(u: 128, v: 128)
    }

    /// What cameras offer.
    public static let cameraModes = [
        (320, 180), (640, 360), (640, 480), (1280, 720), (1920, 1080),
    ].map { VideoMode(format: "YU12", width: $0.0, height: $0.1, rates: [30, 15, 10, 5]) }

    /// What screens offer.
    public static let screenModes = [
        (640, 360), (1280, 720), (1920, 1080),
    ].map { VideoMode(format: "YU12", width: $0.0, height: $0.1, rates: [60, 30, 15, 5]) }

    private static let bufferCount = 6

    public let info: VideoDeviceInfo
    /// Its handle, its counts and its faults.
    public let hardware: SyntheticHardware
    public let hue: Hue
    private struct State {
        var stream: SyntheticVideoStream?
        var pool: FramePool?
    }
    private let state = Mutex(State())

    /// - `modes`: of even width and height, at least 64 × 32, each with a rate.
    public init(
        id: DeviceID, name: String, bus: String = "synthetic", direction: CameraDirection = .unknown,
        hue: Hue = .blue, modes: [VideoMode] = SyntheticVideoDevice.cameraModes, timing: SyntheticTiming = .realTime
    ) {
        precondition(
            !modes.isEmpty
                && modes.allSatisfy {
                    $0.width >= 64 && $0.height >= 32 && $0.width % 2 == 0 && $0.height % 2 == 0
                        && $0.rates.contains { $0 > 0 }
                }, "modes of even size, at least 64 × 32, with a rate")
        info = VideoDeviceInfo(id: id, name: name, bus: bus, direction: direction, modes: modes)
        hardware = SyntheticHardware(id: id, timing: timing)
        self.hue = hue
    }

    public var controls: (any VideoControls)? { nil }

    public var statistics: VideoStreamStatistics {
        state.withLock { $0.stream }?.statistics ?? VideoStreamStatistics()
    }

    public func start(
        _ target: VideoTarget, deliver: @escaping @Sendable (VideoFrame) -> Void,
        onEvent: @escaping @Sendable (VideoDeviceEvent) -> Void
    ) async throws(DeviceError) -> VideoStreamInfo {
        let (mode, rate) = nearestMode(target)
        let (reused, _) = try await hardware.start(name: "cam-synthetic", priority: nil) { connection in
            let stream = SyntheticVideoStream(
                hardware: hardware, connection: connection, pool: pool(mode), hue: (hue.u, hue.v),
                framesPerSecond: rate, stallAfter: target.stallAfter, deliver: deliver, onEvent: onEvent)
            state.withLock { $0.stream = stream }
            return (stream, stream.due)
        }
        return VideoStreamInfo(
            device: info.id, format: mode.format, width: mode.width, height: mode.height, framesPerSecond: rate,
            reused: reused)
    }

    public func stop(_ standby: StandbyPolicy) async {
        await hardware.stop(standby)
        if standby == .release { state.withLock { if !hardware.isOpen { $0.pool = nil } } }
    }

    /// The buffers of a mode, kept as long as the handle is.
    private func pool(_ mode: VideoMode) -> FramePool {
        state.withLock { state in
            if let pool = state.pool, pool.width == mode.width, pool.height == mode.height { return pool }
            let pool = FramePool(width: mode.width, height: mode.height, count: Self.bufferCount)
            state.pool = pool
            return pool
        }
    }

    private func nearestMode(_ target: VideoTarget) -> (VideoMode, rate: Double) {
        func distance(_ mode: VideoMode) -> Int { abs(mode.width - target.width) + abs(mode.height - target.height) }
        guard let mode = info.modes.min(by: { distance($0) < distance($1) }),
            let rate = mode.rates.min(by: {
                abs($0 - target.framesPerSecond) < abs($1 - target.framesPerSecond)
            })
        else { preconditionFailure("a device has a mode with a rate") }
        return (mode, rate)
    }
}

/// Cameras or screens without hardware.
public final class SyntheticVideoDevices: VideoDevices {
    /// All of them, plugged in or not; the default is the first that is.
    public let all: [SyntheticVideoDevice]

    public init(_ all: [SyntheticVideoDevice]) { self.all = all }

    /// Two cameras: one that looks at the machine's user, and one that looks away.
    public static func cameras(timing: SyntheticTiming = .realTime) -> SyntheticVideoDevices {
        SyntheticVideoDevices([
            SyntheticVideoDevice(
                id: "synthetic:camera-front", name: "Synthetic front camera", direction: .front, hue: .blue,
                timing: timing),
            SyntheticVideoDevice(
                id: "synthetic:camera-back", name: "Synthetic back camera", direction: .back, hue: .red,
                timing: timing),
        ])
    }

    /// One screen.
    public static func screens(timing: SyntheticTiming = .realTime) -> SyntheticVideoDevices {
        SyntheticVideoDevices([
            SyntheticVideoDevice(
                id: "synthetic:screen", name: "Synthetic screen", bus: "synthetic:0", hue: .grey,
                modes: SyntheticVideoDevice.screenModes, timing: timing)
        ])
    }

    /// The first.
    public var first: SyntheticVideoDevice { all[0] }

    public func devices() async throws(DeviceError) -> [VideoDeviceInfo] {
        var infos = all.filter(\.hardware.isPresent).map(\.info)
        for index in infos.indices { infos[index].isDefault = index == 0 }
        return infos
    }

    public func device(_ id: DeviceID) async throws(DeviceError) -> any VideoDevice {
        let present = all.filter(\.hardware.isPresent)
        guard let device = present.first(where: { $0.info.id == id }) else {
            throw .noSuchDevice(id, known: present.map(\.info.id))
        }
        return device
    }
}
