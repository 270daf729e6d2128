import Media

/// The recoveries of one stream: counts them, adds up what was lost, and says when to tell of it: at most four times a
/// second, however often the device fails.
struct Recovery {
    private static let interval: Int64 = 250_000_000

    private var untoldGap: Int64 = 0
    private var toldAt = Int64.min / 2
    private var periodsBefore: Int64 = -1
    private var isSuspended = false
    /// Whether nothing was moved since the last recovery.
    private(set) var isFruitless = false

    init() {}

    mutating func begins(at time: Int64, isSuspend: Bool, _ counters: StreamCounters) {
        let periods = counters.statistics.periods
        isFruitless = periods == periodsBefore
        periodsBefore = periods
        if isSuspend {
            // A command may have interrupted the recovery: it is the same suspend.
            if !isSuspended { counters.suspended() }
        } else {
            _ = counters.xran()
        }
        isSuspended = isSuspend
    }

    /// - `gap`: the nanoseconds of sound that were lost.
    mutating func ended(gap: Int64) {
        untoldGap += gap
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
