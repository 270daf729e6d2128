import Synchronization

/// The counters of a synthetic sound stream, written by its periods.
final class AudioCounters: Sendable {
    static let never = Int64.min

    let sampleFrames = Atomic<Int64>(0)
    let periods = Atomic<Int64>(0)
    let xruns = Atomic<Int64>(0)
    let ringMisses = Atomic<Int64>(0)
    let wakeUps = Atomic<Int64>(0)
    let firstBlockAt = Atomic<Int64>(AudioCounters.never)
    let firstSampleAt = Atomic<Int64>(AudioCounters.never)
    let delayFrames = Atomic<Int64>(0)
    let startedAt: MonotonicInstant?

    init(startedAt: MonotonicInstant?) { self.startedAt = startedAt }

    var statistics: AudioStreamStatistics {
        var statistics = AudioStreamStatistics()
        statistics.sampleFrames = sampleFrames.load(ordering: .relaxed)
        statistics.periods = periods.load(ordering: .relaxed)
        statistics.xruns = xruns.load(ordering: .relaxed)
        statistics.ringMisses = ringMisses.load(ordering: .relaxed)
        statistics.wakeUps = wakeUps.load(ordering: .relaxed)
        statistics.startedAt = startedAt
        statistics.firstBlockAt = Self.instant(firstBlockAt.load(ordering: .relaxed))
        statistics.firstSampleAt = Self.instant(firstSampleAt.load(ordering: .relaxed))
        statistics.delayFrames = delayFrames.load(ordering: .relaxed)
        return statistics
    }

    private static func instant(_ nanoseconds: Int64) -> MonotonicInstant? {
        nanoseconds == never ? nil : MonotonicInstant(nanoseconds: nanoseconds)
    }

    /// One period, or what came of it.
    @_noLocks
    func count(sampleFrames count: Int, misses: Int) {
        sampleFrames.wrappingAdd(Int64(count), ordering: .relaxed)
        periods.wrappingAdd(1, ordering: .relaxed)
        if misses > 0 { ringMisses.wrappingAdd(Int64(misses), ordering: .relaxed) }
    }

    @_noLocks
    func first(block: MonotonicInstant, sample: MonotonicInstant) {
        guard firstBlockAt.load(ordering: .relaxed) == Self.never else { return }
        firstBlockAt.store(block.nanoseconds, ordering: .relaxed)
        firstSampleAt.store(sample.nanoseconds, ordering: .relaxed)
    }
}

/// The common course of a sound stream: when periods are due, and what the faults of its hardware make of them.
///
/// - Thread: the driver's, but for what is atomic.
final class AudioPace: @unchecked Sendable {
    /// What the stream does with a period.
    enum Step {
        case block(sampleFrames: Int, isAfterGap: Bool)
        case nothing
        case over
    }

    private let hardware: SyntheticHardware
    private let connection: Int
    let counters: AudioCounters
    let periodFrames: Int
    /// What a late driver may catch up with; more is an xrun. Half a second, so that a busy machine is no fault.
    let bufferFrames: Int
    private let format: AudioFormat
    let startedAt: MonotonicInstant
    private let stallAfter: Duration
    private let onEvent: @Sendable (AudioDeviceEvent) -> Void
    private var lastBlockAt: MonotonicInstant
    private var isReported = false
    private var isAfterGap = false
    /// Sample frames since the start that are done or lost.
    private(set) var position: Int64 = 0
    private var blockFrames: Int

    init(
        hardware: SyntheticHardware, connection: Int, format: AudioFormat, options: AudioStreamOptions,
        firstBlock: Duration, onEvent: @escaping @Sendable (AudioDeviceEvent) -> Void
    ) {
        self.hardware = hardware
        self.connection = connection
        self.format = format
        startedAt = hardware.timing.now
        self.onEvent = onEvent
        counters = AudioCounters(startedAt: startedAt)
        periodFrames = max(1, format.sampleFrames(in: options.period))
        bufferFrames = max(periodFrames * 2, format.rate / 2)
        blockFrames = min(periodFrames, max(1, format.sampleFrames(in: firstBlock)))
        stallAfter = options.stallAfter
        lastBlockAt = startedAt
    }

    var isInterrupted: Bool { hardware.isUnplugged(since: connection) }

    /// When the block that comes next is complete.
    var due: MonotonicInstant { time(of: position + Int64(blockFrames)) }

    /// When a sample frame of the stream is at the hardware.
    func time(of position: Int64) -> MonotonicInstant {
        startedAt + .nanoseconds(scale(position, by: 1_000_000_000, over: Int64(format.rate)))
    }

    /// The next step; tells events.
    func step(now: MonotonicInstant) -> Step {
        counters.wakeUps.wrappingAdd(1, ordering: .relaxed)
        if isInterrupted {
            hardware.ended()
            onEvent(.ended(hardware.error(.disconnected, "poll", "The device was unplugged")))
            return .over
        }
        if hardware.isStalled.load(ordering: .acquiring) {
            if !isReported, now - lastBlockAt >= stallAfter {
                isReported = true
                let code: DeviceError.Code = counters.periods.load(ordering: .relaxed) == 0 ? .neverStarted : .stalled
                onEvent(.stalled(hardware.error(code, "poll", "No period for \(stallAfter)")))
            }
            isAfterGap = true
            return .nothing
        }
        if isReported {
            isReported = false
            onEvent(.resumed)
        }
        skipLost(now: now)
        lastBlockAt = now
        defer { isAfterGap = false }
        return .block(sampleFrames: blockFrames, isAfterGap: isAfterGap)
    }

    /// Goes on to the next block.
    func advance() {
        position += Int64(blockFrames)
        blockFrames = periodFrames
    }

    private func skipLost(now: MonotonicInstant) {
        let lost = format.sampleFrames(in: now - due) - bufferFrames
        guard lost > 0 else { return }
        position += Int64(lost)
        isAfterGap = true
        let xruns = counters.xruns.wrappingAdd(1, ordering: .relaxed).newValue
        onEvent(.recovered(xruns: xruns, gap: format.duration(ofSampleFrames: lost)))
    }
}
