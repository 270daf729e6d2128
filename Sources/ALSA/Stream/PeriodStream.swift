internal import CLinux
import Glibc
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
    private var drain: (any AudioDrain)?
    /// From how many sample frames on poll returns.
    private var wakeAt: Int

    /// - `proven`: what the same request was answered with last time.
    init(
        _ pcm: PCM, _ request: ConfigurationRequest, proven: Configuration?, wakeup: Wakeup, stallAfter: Duration
    ) throws(DeviceError) {
        self.pcm = pcm
        configuration = try pcm.configure(request, proven: proven)
        wakeAt = configuration.hardwarePeriod
        try pcm.setSoftwareParameters(configuration, wakeAt: wakeAt)
        try pcm.prepare()
        periods = CapturePeriods(
            try PeriodPort(pcm, configuration, request, wakeup: wakeup, stallAfter: stallAfter), ring: request.format)
    }

    func start(_ ring: AudioRing, _ counters: StreamCounters) throws(DeviceError) -> MonotonicInstant {
        self.ring = ring
        drain = ring.drain
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
        while true {
            let exit = periods.next(ring, counters)
            drain?.soundCaptured()
            if let exit { return exit }
            if let exit = align() { return exit }
        }
    }

    /// From the first block on a wake-up a batch: the short hardware periods cost interrupts, not switches to us. Batches
    /// count from the start, or what the first block was longer or shorter would be waited for in each packet.
    private func align() -> PeriodExit? {
        guard periods.heardUntil != 0 else { return nil }
        let next = configuration.batch - periods.moved % configuration.batch
        guard next != wakeAt else { return nil }
        do throws(DeviceError) { try setWakeAt(next) } catch { return .failed(error.errno) }
        return nil
    }

    private func setWakeAt(_ frames: Int) throws(DeviceError) {
        guard frames != wakeAt else { return }
        try pcm.setWakeAt(frames)
        wakeAt = frames
        periods.wakeAt = frames
    }

    func park() throws(DeviceError) {
        ring = nil
        drain = nil
        pcm.drop()
        try setWakeAt(configuration.hardwarePeriod)
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
    private var feed: (any AudioFeed)?
    private let wakeup: Wakeup
    private let stallAfter: Duration

    /// - `proven`: what the same request was answered with last time.
    /// - `blocks`: how many blocks the hardware holds at first.
    init(
        _ pcm: PCM, _ request: ConfigurationRequest, proven: Configuration?, wakeup: Wakeup, stallAfter: Duration,
        blocks: Int
    ) throws(DeviceError) {
        self.pcm = pcm
        self.request = request
        self.wakeup = wakeup
        self.stallAfter = stallAfter
        configuration = try pcm.configure(request, proven: proven)
        periods = PlaybackPeriods(
            try PeriodPort(pcm, configuration, request, wakeup: wakeup, stallAfter: stallAfter), ring: request.format,
            blocks: request.bufferPeriods ?? blocks)
        try pcm.setSoftwareParameters(configuration, wakeAt: periods.wakeAt)
        try pcm.prepare()
    }

    func start(_ ring: AudioRing, _ counters: StreamCounters) throws(DeviceError) -> MonotonicInstant {
        self.ring = ring
        feed = ring.feed
        // Made before the period path begins.
        if feed != nil { _ = ring.dataReady }
        periods.willStart()
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
        configuration = try pcm.configure(request, proven: nil)
        periods = PlaybackPeriods(
            try PeriodPort(pcm, configuration, request, wakeup: wakeup, stallAfter: stallAfter), ring: request.format,
            blocks: bufferPeriods)
        try pcm.setSoftwareParameters(configuration, wakeAt: periods.wakeAt)
        try pcm.prepare()
        periods.willStart()
    }

    private func startFilled(_ ring: AudioRing, _ counters: StreamCounters) throws(DeviceError) -> MonotonicInstant {
        // What is here already, as after an xrun, is played at once; nothing is waited for.
        _ = feed?.soundNeeded(configuration.block, by: .now(), isDue: false)
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
        while true {
            if let exit = periods.wait(counters) { return exit }
            if let exit = askFeed(ring, counters) { return exit }
            if let exit = periods.give(ring, counters) { return exit }
        }
    }

    /// Lets the feed write what is due. Where its sound is still on the way it is waited for, as long as the hardware
    /// has enough to play meanwhile.
    private func askFeed(_ ring: AudioRing, _ counters: StreamCounters) -> PeriodExit? {
        guard let feed else { return nil }
        let deadline = periods.deadline
        while feed.soundNeeded(configuration.block, by: deadline, isDue: false) {
            switch periods.port.wait(for: ring.dataReady, until: deadline, counters) {
            case .signalled: continue
            case .timedOut:
                _ = feed.soundNeeded(configuration.block, by: deadline, isDue: true)
                return nil
            case .exit(let exit): return exit
            }
        }
        return nil
    }

    func park() throws(DeviceError) {
        ring = nil
        feed = nil
        pcm.drop()
        try pcm.prepare()
    }

    var lastSampleEnd: Int64 { periods.playedUntil }

    var tickAt: Int64 {
        get { periods.port.tickAt }
        set { periods.port.tickAt = newValue }
    }
}
