import Media

/// The recoveries of one stream: counts them, adds up what was lost, and says when to tell of it: at most four times a
/// second, however often the device fails.
struct Recovery {
    private static let interval: Int64 = 250_000_000

    private var untoldGap: Int64 = 0
    private var toldAt = Int64.min / 2
    private var periodsBefore: Int64 = -1
    private var isSuspended = false
    private var recoveredAt: Int64 = 0
    /// How many recoveries in a row moved nothing.
    private(set) var fruitless = 0

    /// After so many the device is given up: it fails for ever.
    static let mostFruitless = 20

    init() {}

    mutating func begins(at time: Int64, isSuspend: Bool, _ counters: StreamCounters) {
        let periods = counters.statistics.periods
        fruitless = periods == periodsBefore ? fruitless + 1 : 0
        periodsBefore = periods
        if isSuspend {
            // A command may have interrupted the recovery: it is the same suspend.
            if !isSuspended { counters.suspended() }
        } else {
            _ = counters.xran()
        }
        isSuspended = isSuspend
    }

    /// It runs again since `time`; the last sample before ended at `lastSampleEnd` (0: there was none).
    mutating func ended(at time: Int64, lastSampleEnd: Int64) {
        // From one recovery that moved nothing to the next, only what is new counts.
        if lastSampleEnd != 0 { untoldGap += max(0, time - max(lastSampleEnd, recoveredAt)) }
        recoveredAt = time
        isSuspended = false
    }

    var tellAt: Int64 { toldAt + Self.interval }

    func isTellable(at time: Int64) -> Bool { time >= tellAt }

    /// Returns the nanoseconds lost since it was last told.
    mutating func told(at time: Int64) -> Int64 {
        defer { untoldGap = 0 }
        toldAt = time
        return untoldGap
    }
}
