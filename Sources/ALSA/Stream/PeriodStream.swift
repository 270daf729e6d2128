internal import CLinux
import Media

/// A configured PCM with its period path: what the stream's thread starts, runs and stops. Thread: the stream's.
protocol PeriodStream: AnyObject {
    var pcm: PCM { get }
    var configuration: Configuration { get }

    /// From PREPARED: starts the hardware. Returns when.
    func start(_ ring: AudioRing, _ counters: StreamCounters) throws(DeviceError) -> MonotonicInstant
    /// After an xrun or a failed resume: prepares and starts it again. Returns when.
    func restart(_ counters: StreamCounters) throws(DeviceError) -> MonotonicInstant
    /// Goes on after a resume, at `time`.
    func resumed(at time: MonotonicInstant)
    /// The period path; returns when something else is to be done.
    func run(_ counters: StreamCounters) -> PeriodExit
    /// The first block of a stream was moved.
    func firstBlockMoved() throws(DeviceError)
    /// Stops the hardware at once and makes it ready for the next ``start(_:_:)``.
    func park() throws(DeviceError)

    /// When the last sample that was moved ended (capture) or ends (playback), in nanoseconds; 0 before the first.
    var lastSampleEnd: Int64 { get }
    /// When ``run(_:)`` is to return `.tick`, in nanoseconds.
    var tickAt: Int64 { get set }
}

final class CaptureStream: PeriodStream {
    let pcm: PCM
    let configuration: Configuration
    private var periods: CapturePeriods
    private var ring: AudioRing?

    init(_ pcm: PCM, _ request: ConfigurationRequest, wakeup: Wakeup, stallAfter: Duration) throws(DeviceError) {
        self.pcm = pcm
        configuration = try pcm.configure(request)
        try pcm.setSoftwareParameters(configuration, wakeAt: configuration.hardwarePeriod)
        try pcm.prepare()
        periods = CapturePeriods(
            try PeriodPort(pcm, configuration, wakeup: wakeup, stallAfter: stallAfter), ring: request.format)
    }

    func start(_ ring: AudioRing, _ counters: StreamCounters) throws(DeviceError) -> MonotonicInstant {
        self.ring = ring
        let time = linux_monotonic_ns()
        periods.willStart(at: time)
        try pcm.start()
        return MonotonicInstant(nanoseconds: time)
    }

    func restart(_ counters: StreamCounters) throws(DeviceError) -> MonotonicInstant {
        try pcm.prepare()
        let time = linux_monotonic_ns()
        periods.willRestart(at: time)
        try pcm.start()
        return MonotonicInstant(nanoseconds: time)
    }

    func resumed(at time: MonotonicInstant) { periods.willRestart(at: time.nanoseconds) }

    func run(_ counters: StreamCounters) -> PeriodExit {
        guard let ring else { return .command }
        return periods.run(ring, counters)
    }

    func firstBlockMoved() throws(DeviceError) {
        // From now on a wake-up a block: the short hardware periods cost interrupts, not switches to us.
        if configuration.block != configuration.hardwarePeriod { try pcm.setWakeAt(configuration.block) }
    }

    func park() throws(DeviceError) {
        ring = nil
        pcm.drop()
        if configuration.block != configuration.hardwarePeriod { try pcm.setWakeAt(configuration.hardwarePeriod) }
        try pcm.prepare()
    }

    var lastSampleEnd: Int64 { periods.heardUntil }

    var tickAt: Int64 {
        get { periods.port.tickAt }
        set { periods.port.tickAt = newValue }
    }
}

final class PlaybackStream: PeriodStream {
    let pcm: PCM
    private(set) var configuration: Configuration
    private var request: ConfigurationRequest
    private var periods: PlaybackPeriods
    private var ring: AudioRing?
    private let wakeup: Wakeup
    private let stallAfter: Duration

    /// - `blocks`: how many blocks the hardware holds at first.
    init(
        _ pcm: PCM, _ request: ConfigurationRequest, wakeup: Wakeup, stallAfter: Duration, blocks: Int
    ) throws(DeviceError) {
        self.pcm = pcm
        self.request = request
        self.wakeup = wakeup
        self.stallAfter = stallAfter
        configuration = try pcm.configure(request)
        periods = PlaybackPeriods(
            try PeriodPort(pcm, configuration, wakeup: wakeup, stallAfter: stallAfter), ring: request.format,
            blocks: request.bufferPeriods ?? blocks)
        try pcm.setSoftwareParameters(configuration, wakeAt: periods.wakeAt)
        try pcm.prepare()
    }

    func start(_ ring: AudioRing, _ counters: StreamCounters) throws(DeviceError) -> MonotonicInstant {
        self.ring = ring
        periods.willStart(ring)
        return try startFilled(ring, counters)
    }

    func restart(_ counters: StreamCounters) throws(DeviceError) -> MonotonicInstant {
        guard let ring else { preconditionFailure("restarted before it was started") }
        if let periods = request.bufferPeriods, periods < 10 {
            try enlarge(to: periods + 1, ring)
        } else {
            try pcm.prepare()
            if periods.grow() { try pcm.setWakeAt(periods.wakeAt) }
        }
        return try startFilled(ring, counters)
    }

    /// A sound server takes what is to be free at a wake-up for the length of its own period, so its buffer is no larger
    /// than what it is filled to, and has to be made anew to hold more.
    private func enlarge(to bufferPeriods: Int, _ ring: AudioRing) throws(DeviceError) {
        request.bufferPeriods = bufferPeriods
        pcm.unconfigure()
        configuration = try pcm.configure(request)
        periods = PlaybackPeriods(
            try PeriodPort(pcm, configuration, wakeup: wakeup, stallAfter: stallAfter), ring: request.format,
            blocks: bufferPeriods)
        try pcm.setSoftwareParameters(configuration, wakeAt: periods.wakeAt)
        try pcm.prepare()
        periods.willStart(ring)
    }

    private func startFilled(_ ring: AudioRing, _ counters: StreamCounters) throws(DeviceError) -> MonotonicInstant {
        let filled = periods.prefill(ring, counters)
        guard filled >= 0 else {
            throw .alsa("snd_pcm_mmap_commit", pcm.name, status: Int32(truncatingIfNeeded: filled))
        }
        try pcm.start()
        let time = linux_monotonic_ns()
        periods.started(at: time, counters)
        return MonotonicInstant(nanoseconds: time)
    }

    func resumed(at time: MonotonicInstant) { periods.port.started(at: time.nanoseconds) }

    func run(_ counters: StreamCounters) -> PeriodExit {
        guard let ring else { return .command }
        return periods.run(ring, counters)
    }

    func firstBlockMoved() {}

    func park() throws(DeviceError) {
        ring = nil
        pcm.drop()
        try pcm.prepare()
    }

    var lastSampleEnd: Int64 { periods.playedUntil }

    var tickAt: Int64 {
        get { periods.port.tickAt }
        set { periods.port.tickAt = newValue }
    }
}
