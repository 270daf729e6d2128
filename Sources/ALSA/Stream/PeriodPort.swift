internal import CAlsa
internal import CLinux
import Glibc
import Media

/// Why the period path came back to its thread.
enum PeriodExit {
    /// The thread was called.
    case command
    case xrun
    case suspended
    /// The device went away.
    case disconnected
    /// This errno.
    case failed(Int32)
    /// Nothing came for as long as was allowed.
    case stalled
    /// What was stalled came again.
    case resumed
    /// ``PeriodPort/tickAt`` has come.
    case tick

    /// - `error`: what an alsa-lib call returned, negative.
    @_noLocks
    init(error: Int64) {
        switch Int32(truncatingIfNeeded: -error) {
        case EPIPE: self = .xrun
        case ESTRPIPE: self = .suspended
        case ENODEV, ENXIO, ESHUTDOWN: self = .disconnected
        case let errno: self = .failed(errno)
        }
    }
}

/// A running PCM as the period path sees it: the waiting that capture and playback share.
///
/// Thread: the stream's. All memory is allocated when it is made.
@safe
struct PeriodPort: ~Copyable {
    let pcm: OpaquePointer
    let status: OpaquePointer
    let configuration: Configuration
    // The thread's wake-up, then the PCM's.
    private let descriptors: UnsafeMutablePointer<pollfd>
    private let count: Int
    private let stallAfter: Int64
    private let ready: Int32
    /// Sample frames that the hardware may have gone on since it called before the thread is called late.
    let patience: Int
    private var lastProgress: Int64 = 0
    private(set) var isStalled = false
    /// When the thread wants to be back, in nanoseconds.
    var tickAt = Int64.max

    init(
        _ pcm: PCM, _ configuration: Configuration, _ request: ConfigurationRequest, wakeup: Wakeup,
        stallAfter: Duration
    ) throws(DeviceError) {
        let polled = [pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0)] + (try pcm.pollDescriptors())
        unsafe self.pcm = pcm.handle
        unsafe self.status = pcm.status
        self.configuration = configuration
        patience = request.isServer ? max(configuration.block, configuration.buffer / 2) : configuration.block
        self.stallAfter = stallAfter.nanoseconds
        ready = pcm.direction == .capture ? POLLIN : POLLOUT
        count = polled.count
        unsafe descriptors = .allocate(capacity: polled.count)
        for (index, descriptor) in polled.enumerated() { unsafe (descriptors + index).initialize(to: descriptor) }
    }

    deinit { unsafe descriptors.deallocate() }

    /// To be called when the hardware has been started.
    mutating func started(at time: Int64) { lastProgress = time }

    /// Waits until the PCM is ready (nil), or for something else.
    @_noLocks
    mutating func wait(_ counters: StreamCounters) -> PeriodExit? {
        while true {
            let now = linux_monotonic_ns()
            if now >= tickAt { return .tick }
            let stallAt = isStalled ? Int64.max : lastProgress + stallAfter
            if now >= stallAt {
                isStalled = true
                return .stalled
            }
            let until = min(tickAt, stallAt)
            // Rounded up, so that poll does not come back just before.
            let timeout = until == Int64.max ? -1 : Int32(truncatingIfNeeded: (until - now + 999_999) / 1_000_000)
            let own = unsafe alsa_poll_descriptors(pcm, descriptors + 1, Int32(truncatingIfNeeded: count - 1))
            if own < 0 { return PeriodExit(error: Int64(own)) }
            let polled = unsafe alsa_poll(descriptors, Int32(truncatingIfNeeded: count), timeout)
            counters.wokeUp()
            if polled < 0 { return .failed(-polled) }
            if unsafe descriptors[0].revents != 0 { return .command }
            if polled == 0 { continue }
            let events = unsafe alsa_revents(pcm, descriptors + 1, Int32(truncatingIfNeeded: count - 1))
            if events < 0 { return PeriodExit(error: Int64(events)) }
            if events & (POLLERR | POLLHUP | POLLNVAL) != 0 { return stateExit() ?? errorExit() }
            if events & ready != 0 { return nil }
        }
    }

    /// What ended a wait for a feed.
    enum FeedWait {
        case signalled, timedOut
        case exit(PeriodExit)
    }

    /// Waits for a feed's signal, at most until `deadline`. The PCM is not looked at: it plays what it has.
    @_noLocks
    func wait(for feed: Wakeup, until deadline: MonotonicInstant, _ counters: StreamCounters) -> FeedWait {
        let left = deadline.nanoseconds - linux_monotonic_ns()
        if left <= 0 { return .timedOut }
        let polled = linux_poll_two(feed.descriptor, unsafe descriptors[0].fd, left)
        counters.wokeUp()
        if polled < 0 { return .exit(.failed(-polled)) }
        if polled & 2 != 0 { return .exit(.command) }
        if polled & 1 == 0 { return .timedOut }
        feed.drain()
        return .signalled
    }

    /// Sample frames were moved. Returns `.resumed` where the device had been stalled.
    @_noLocks
    mutating func progressed(at time: Int64) -> PeriodExit? {
        lastProgress = time
        guard isStalled else { return nil }
        isStalled = false
        return .resumed
    }

    /// The exit that the PCM's state demands; nil where it runs.
    @_noLocks
    func stateExit() -> PeriodExit? {
        // An update shows an xrun that nobody has noticed yet.
        let available = unsafe alsa_avail_update(pcm)
        switch unsafe alsa_state(pcm) {
        case SND_PCM_STATE_XRUN: return .xrun
        case SND_PCM_STATE_SUSPENDED: return .suspended
        case SND_PCM_STATE_DISCONNECTED: return .disconnected
        default: return available < 0 ? PeriodExit(error: available) : nil
        }
    }

    /// The exit of a PCM whose descriptor tells an error and whose state does not: a card that is being taken out, for
    /// whose files the kernel answers ENODEV a while before it changes the state of its PCMs.
    @_noLocks
    private func errorExit() -> PeriodExit {
        let error = position().error
        return error < 0 ? PeriodExit(error: Int64(error)) : .failed(EIO)
    }

    /// Where the PCM stands. The time is never missing: plug-ins leave it out.
    @_noLocks
    func position() -> alsa_position {
        var position = unsafe alsa_position(pcm, status)
        if position.time == 0 { position.time = linux_monotonic_ns() }
        return position
    }

    /// The duration of sample frames at the hardware's rate, in nanoseconds. Where a driver or plug-in tells a delay of
    /// more than a day (a pointer that ran away), that is cut: its numbers never trap.
    @_noLocks
    func nanoseconds(_ frames: Int64) -> Int64 {
        min(max(frames, -Self.framesLimit), Self.framesLimit) * 1_000_000_000 / Int64(configuration.rate)
    }

    /// A day at 48 kHz.
    private static let framesLimit: Int64 = 1 << 32
}
