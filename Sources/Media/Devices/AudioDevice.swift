/// One microphone or speaker that can be started and stopped without end.
///
/// Its states are closed, warm (configured, stopped) and running. Calls may come from any task; they are carried out
/// one after the other. The device's own thread moves the samples.
public protocol AudioDevice: AnyObject, Sendable {
    var info: AudioDeviceInfo { get }

    /// The counters of the running or last stream. Any thread.
    var statistics: AudioStreamStatistics { get }

    /// The card's own volume control, or nil where it has none (volume is then set in software). Looked for when it is
    /// asked for.
    var mixer: (any AudioMixer)? { get async }

    /// Opens and configures the device where it is not yet, without starting it: whether it can be used is known while
    /// another still runs, and the start that follows is short.
    /// - `format`: the ring's, of the start that follows.
    /// - Throws: as a start does; the device is closed then.
    func prepare(_ format: AudioFormat, options: AudioStreamOptions) async throws(DeviceError)

    /// Opens and configures the device where it is not yet, and starts it.
    ///
    /// Capture: the device thread is the producer of `ring`; nothing captured before this call is written to it.
    /// Playback: the device thread is its consumer, and plays silence where the ring is empty.
    /// - `ring`: interleaved S16 in the ring's format, whatever the hardware's own.
    /// - `onEvent`: called on the device thread, outside the period path, at most a few times a second.
    /// - Returns when the hardware runs; the first period follows.
    /// - Throws: `.busy` after retries for ``AudioStreamOptions/busyRetry``; `.cancelled` when the task is cancelled
    ///   meanwhile; the device is closed after any throw.
    func start(
        _ ring: AudioRing, options: AudioStreamOptions, onEvent: @escaping @Sendable (AudioDeviceEvent) -> Void
    ) async throws(DeviceError) -> AudioStreamInfo

    /// Stops the stream. When it returns the device thread touches the ring no more and calls `onEvent` no more, and
    /// with `.release` the handle is closed. From any state, any number of times; not cut short by cancellation.
    func stop(_ standby: StandbyPolicy) async
}

/// What a stream asks of its device. The defaults are what a call uses.
public struct AudioStreamOptions: Sendable, Hashable {
    /// The length of a period.
    public var period: Duration = .milliseconds(10)
    /// Sound that the device's thread moves at one wake-up where it can: as long as a packet, and shorter wake-ups bring
    /// nothing. At most half the hardware's buffer; below ``period``, and with sound servers, one period.
    public var batch = Duration.zero
    /// The length of the first captured block, where the card allows one shorter than a period.
    public var firstBlock: Duration = .microseconds(2500)
    /// How long an open that meets EBUSY is tried again.
    public var busyRetry: Duration = .milliseconds(500)
    /// With no period for so long the device is reported as stalled.
    public var stallAfter: Duration = .seconds(1)
    /// Blocks that the buffer holds beyond the usual, against xruns.
    public var headroom = 0
    /// Whether SCHED_FIFO is asked for, of rtkit where the kernel refuses it; what came of it stands in
    /// ``AudioStreamInfo/realTime`` and ``AudioStreamStatistics/realTime``.
    public var realTime = true

    public init() {}
}

/// What was negotiated with the hardware.
public struct AudioStreamInfo: Sendable, Hashable {
    public var device: DeviceID
    /// ALSA's name of the hardware's sample format: `S16_LE`.
    public var sampleFormat: String
    /// The hardware's rate in Hz; where it is not the ring's the samples are resampled.
    public var rate: Int
    /// The hardware's channels.
    public var channels: Int
    /// Sample frames from one wake-up of the stream to the next.
    public var periodFrames: Int
    /// The hardware's own period: ``periodFrames`` or a part of it, so that the first block can be short.
    public var hardwarePeriodFrames: Int
    public var bufferFrames: Int
    /// `mmap` or `rw`.
    public var access: String
    /// Whether this start used a handle kept warm.
    public var reused: Bool
    public var realTime: RealTimeGrant

    public init(
        device: DeviceID, sampleFormat: String, rate: Int, channels: Int, periodFrames: Int,
        hardwarePeriodFrames: Int? = nil, bufferFrames: Int, access: String, reused: Bool, realTime: RealTimeGrant
    ) {
        self.device = device
        self.sampleFormat = sampleFormat
        self.rate = rate
        self.channels = channels
        self.periodFrames = periodFrames
        self.hardwarePeriodFrames = hardwarePeriodFrames ?? periodFrames
        self.bufferFrames = bufferFrames
        self.access = access
        self.reused = reused
        self.realTime = realTime
    }
}

/// The counters of one stream, from its start.
public struct AudioStreamStatistics: Sendable, Hashable {
    /// Sample frames at the hardware's rate.
    public var sampleFrames: Int64 = 0
    public var periods: Int64 = 0
    public var xruns: Int64 = 0
    public var suspends: Int64 = 0
    /// Sample frames of silence played because the ring was empty, or of sound lost because it was full.
    public var ringMisses: Int64 = 0
    /// Returns from poll: what the stream costs the processor in wake-ups.
    public var wakeUps: Int64 = 0
    /// How often the device's thread came more than a period later than the hardware had called it. Of a sound server,
    /// whose own periods are longer than ours: than half the buffer.
    public var late: Int64 = 0
    /// The device thread's priority now: ``AudioStreamInfo/realTime`` is what it was at the start, and rtkit answers later.
    public var realTime = RealTimeGrant.notAsked
    /// When the stream was started (the hardware, not the call).
    public var startedAt: MonotonicInstant?
    /// Capture: when the first block was in the ring. Playback: when the first block that was not silence was given
    /// to the hardware.
    public var firstBlockAt: MonotonicInstant?
    /// Capture: when the sample that came first was captured. Playback: when the first sample that was not silence
    /// leaves the hardware.
    public var firstSampleAt: MonotonicInstant?
    /// Samples between the hardware and the ring, in sample frames, at the last period.
    public var delayFrames: Int64 = 0

    public init() {}
}

/// What a device tells by itself.
public enum AudioDeviceEvent: Sendable, Hashable {
    /// The stream is over; the device is closed. A new ``AudioDevice/start(_:options:onEvent:)`` may be tried.
    case ended(DeviceError)
    /// An xrun was recovered: sound was lost for `gap`.
    case recovered(xruns: Int64, gap: Duration)
    /// The device delivers nothing (`.stalled`, `.neverStarted`); the stream goes on waiting.
    case stalled(DeviceError)
    /// A device reported as stalled delivers again.
    case resumed
}

/// A card's volume control.
public protocol AudioMixer: Sendable {
    /// 0–100, mapped by dB so that 50 is heard as half as loud as 100.
    func volume() async throws(DeviceError) -> Int
    /// - Throws: `.invalidArgument` outside 0–100.
    func setVolume(_ volume: Int) async throws(DeviceError)
    func isMuted() async throws(DeviceError) -> Bool
    /// - Throws: `.unsupported` where the card has no switch and no range that reaches silence.
    func setMuted(_ muted: Bool) async throws(DeviceError)
    /// The card's own name of what mutes it, as `amixer` takes it; nil where it has none.
    var muteControl: String? { get async }
}

extension AudioMixer {
    public var muteControl: String? { get async { nil } }
}

/// The microphones and speakers of a machine.
public protocol AudioDevices: Sendable {
    /// What is there now, the default first.
    func devices(_ direction: AudioDirection) async throws(DeviceError) -> [AudioDeviceInfo]

    /// The device with an id, or a backend's own name for one (any PCM name). Opens nothing.
    /// - Throws: `.noDevice`, naming the known ones.
    func device(_ id: DeviceID, _ direction: AudioDirection) async throws(DeviceError) -> any AudioDevice

    /// What is there now in both directions, by one look; a direction that cannot be listed is empty.
    func allDevices() async -> (microphones: [AudioDeviceInfo], speakers: [AudioDeviceInfo])

    /// A device that was listed, at once: nobody looks whether it is still there, which its start tells.
    /// - Returns: nil where it cannot be had without looking.
    func known(_ info: AudioDeviceInfo) -> (any AudioDevice)?
}

extension AudioDevices {
    public func allDevices() async -> (microphones: [AudioDeviceInfo], speakers: [AudioDeviceInfo]) {
        ((try? await devices(.capture)) ?? [], (try? await devices(.playback)) ?? [])
    }

    public func known(_ info: AudioDeviceInfo) -> (any AudioDevice)? { nil }
}
