import Media
import Synchronization

/// The counters of one stream: written by its thread, read by any.
final class StreamCounters: Sendable {
    private let sampleFrames = Atomic<Int64>(0)
    private let periods = Atomic<Int64>(0)
    private let xruns = Atomic<Int64>(0)
    private let suspends = Atomic<Int64>(0)
    private let ringMisses = Atomic<Int64>(0)
    private let lates = Atomic<Int64>(0)
    private let wakeUps = Atomic<Int64>(0)
    private let delayFrames = Atomic<Int64>(0)
    // Nanoseconds; 0 is not yet.
    private let startedAt = Atomic<Int64>(0)
    private let firstBlockAt = Atomic<Int64>(0)
    private let firstSampleAt = Atomic<Int64>(0)

    private let realTime: RealTimePriority

    init(_ realTime: RealTimePriority = RealTimePriority()) { self.realTime = realTime }

    @_noLocks func wokeUp() { wakeUps.wrappingAdd(1, ordering: .relaxed) }

    @_noLocks func late() { lates.wrappingAdd(1, ordering: .relaxed) }

    @_noLocks func moved(frames: Int, delay: Int64) {
        sampleFrames.wrappingAdd(Int64(frames), ordering: .relaxed)
        periods.wrappingAdd(1, ordering: .relaxed)
        delayFrames.store(delay, ordering: .relaxed)
    }

    @_noLocks func missed(frames: Int) { ringMisses.wrappingAdd(Int64(frames), ordering: .relaxed) }

    @_noLocks func first(blockAt: Int64, sampleAt: Int64) {
        firstSampleAt.store(sampleAt, ordering: .relaxed)
        firstBlockAt.store(blockAt, ordering: .releasing)
    }

    func started(at time: MonotonicInstant) { startedAt.store(time.nanoseconds, ordering: .relaxed) }

    /// Returns how many there have been.
    func xran() -> Int64 { xruns.wrappingAdd(1, ordering: .relaxed).newValue }

    func suspended() { suspends.wrappingAdd(1, ordering: .relaxed) }

    var xrunCount: Int64 { xruns.load(ordering: .relaxed) }

    /// All of them, each as it is now.
    var statistics: AudioStreamStatistics {
        var statistics = AudioStreamStatistics()
        statistics.firstBlockAt = Self.instant(firstBlockAt.load(ordering: .acquiring))
        statistics.firstSampleAt = Self.instant(firstSampleAt.load(ordering: .relaxed))
        statistics.startedAt = Self.instant(startedAt.load(ordering: .relaxed))
        statistics.sampleFrames = sampleFrames.load(ordering: .relaxed)
        statistics.periods = periods.load(ordering: .relaxed)
        statistics.xruns = xrunCount
        statistics.suspends = suspends.load(ordering: .relaxed)
        statistics.ringMisses = ringMisses.load(ordering: .relaxed)
        statistics.late = lates.load(ordering: .relaxed)
        statistics.realTime = realTime.grant
        statistics.wakeUps = wakeUps.load(ordering: .relaxed)
        statistics.delayFrames = delayFrames.load(ordering: .relaxed)
        return statistics
    }

    private static func instant(_ nanoseconds: Int64) -> MonotonicInstant? {
        nanoseconds == 0 ? nil : MonotonicInstant(nanoseconds: nanoseconds)
    }
}
