/// One camera, monitor or window that can be started and stopped without end.
public protocol VideoDevice: AnyObject, Sendable {
    var info: VideoDeviceInfo { get }

    /// The counters of the running or last stream. Any thread.
    var statistics: VideoStreamStatistics { get }

    /// Camera controls; empty for screens.
    var controls: (any VideoControls)? { get }

    /// Opens and configures the device where it is not yet, and starts it.
    /// - `target`: the nearest mode is chosen.
    /// - `deliver`: called on the device's thread for each frame; must return soon. A frame's buffer goes back to the
    ///   driver when the last reference to the frame is gone.
    /// - `onEvent`: called on the device's thread.
    /// - Throws: `.busy` after retries for ``VideoTarget/busyRetry``; `.cancelled` when the task is cancelled
    ///   meanwhile; the device is closed after any throw.
    func start(
        _ target: VideoTarget, deliver: @escaping @Sendable (VideoFrame) -> Void,
        onEvent: @escaping @Sendable (VideoDeviceEvent) -> Void
    ) async throws(DeviceError) -> VideoStreamInfo

    /// Stops the stream. When it returns neither closure is called any more, and with `.release` the handle is closed
    /// (frames still held keep their memory, not the device). From any state, any number of times.
    func stop(_ standby: StandbyPolicy) async
}

/// The size and rate that a stream aims at.
public struct VideoTarget: Sendable, Hashable {
    public var width: Int
    public var height: Int
    public var framesPerSecond: Double
    /// How long an open that meets EBUSY is tried again.
    public var busyRetry: Duration = .milliseconds(500)
    /// With no frame for so long the device is reported as stalled.
    public var stallAfter: Duration = .seconds(2)

    public init(width: Int, height: Int, framesPerSecond: Double) {
        self.width = width
        self.height = height
        self.framesPerSecond = framesPerSecond
    }

    public static let camera = VideoTarget(width: 1280, height: 720, framesPerSecond: 30)
    public static let screenShare = VideoTarget(width: 1920, height: 1080, framesPerSecond: 15)
}

/// What was negotiated with the device.
public struct VideoStreamInfo: Sendable, Hashable {
    public var device: DeviceID
    /// The four characters of the device's own format: `YUYV`, `MJPG`.
    public var format: String
    public var width: Int
    public var height: Int
    public var framesPerSecond: Double
    /// Whether this start used a handle kept warm.
    public var reused: Bool
    /// Whether it is smaller or slower than the device can, because its bus has no room for more.
    public var isReduced: Bool

    public init(
        device: DeviceID, format: String, width: Int, height: Int, framesPerSecond: Double, reused: Bool,
        isReduced: Bool = false
    ) {
        self.device = device
        self.format = format
        self.width = width
        self.height = height
        self.framesPerSecond = framesPerSecond
        self.reused = reused
        self.isReduced = isReduced
    }
}

/// The counters of one stream, from its start.
public struct VideoStreamStatistics: Sendable, Hashable {
    public var frames: Int64 = 0
    /// Frames that the driver skipped (gaps of its sequence) or flagged as damaged, and frames for which nobody had
    /// released a buffer.
    public var dropped: Int64 = 0
    /// Frames that were more than a frame's time late in the device thread's hands, beyond the one that it takes to arrive.
    public var late: Int64 = 0
    public var startedAt: MonotonicInstant?
    /// When the first frame was handed on.
    public var firstFrameAt: MonotonicInstant?
    public var lastFrameAt: MonotonicInstant?

    public init() {}
}

/// What a video device tells by itself.
public enum VideoDeviceEvent: Sendable, Hashable {
    /// The stream is over; the device is closed.
    case ended(DeviceError)
    /// The device delivers nothing (`.stalled`, `.neverStarted`); the stream goes on waiting.
    case stalled(DeviceError)
    /// A device reported as stalled delivers again.
    case resumed
}

/// The controls of a camera: exposure, gain, focus, power-line frequency and what else it has.
public protocol VideoControls: Sendable {
    func list() async throws(DeviceError) -> [VideoControl]
    /// - `name`: as listed, or as `v4l2-ctl` writes it (`exposure_time_absolute`).
    /// - Throws: `.invalidArgument` for an unknown name or a value out of range, naming what is allowed.
    func set(_ name: String, to value: Int64) async throws(DeviceError)
}

/// One control of a camera.
public struct VideoControl: Sendable, Hashable {
    public enum Kind: String, Sendable { case integer, boolean, menu, button, other }
    /// As `v4l2-ctl` writes it.
    public var name: String
    /// The driver's own words.
    public var title: String
    public var kind: Kind
    public var range: ClosedRange<Int64>
    public var step: Int64
    public var defaultValue: Int64
    public var value: Int64
    /// The choices of a menu, by value.
    public var choices: [Int64: String]
    public var isReadOnly: Bool

    public init(
        name: String, title: String, kind: Kind, range: ClosedRange<Int64>, step: Int64, defaultValue: Int64,
        value: Int64, choices: [Int64: String] = [:], isReadOnly: Bool = false
    ) {
        self.name = name
        self.title = title
        self.kind = kind
        self.range = range
        self.step = step
        self.defaultValue = defaultValue
        self.value = value
        self.choices = choices
        self.isReadOnly = isReadOnly
    }
}

/// The cameras, or the monitors and windows, of a machine.
public protocol VideoDevices: Sendable {
    /// What is there now, the default first.
    func devices() async throws(DeviceError) -> [VideoDeviceInfo]

    /// The device with an id, or a backend's own name for one (`/dev/video2`). Opens nothing that streams.
    /// - Throws: `.noDevice`, naming the known ones.
    func device(_ id: DeviceID) async throws(DeviceError) -> any VideoDevice
}

/// The devices of a machine, as a client is given them.
public struct DeviceSystem: Sendable {
    public var audio: any AudioDevices
    public var cameras: any VideoDevices
    public var screens: any VideoDevices
    /// Tells when one comes or goes.
    public var watch: any DeviceWatch

    public init(
        audio: any AudioDevices, cameras: any VideoDevices, screens: any VideoDevices,
        watch: any DeviceWatch = NoDeviceWatch()
    ) {
        self.audio = audio
        self.cameras = cameras
        self.screens = screens
        self.watch = watch
    }
}
