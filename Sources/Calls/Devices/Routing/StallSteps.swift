import Media

/// What is done about a device that delivers nothing: restarted, then opened anew, then left for the next.
enum StallStep: Sendable, Equatable {
    case restart, reopen, next

    var following: StallStep { self == .restart ? .reopen : .next }
}

/// Which step is due: pure, with time passed in. One that stalls again soon after a step needs the next.
struct StallLadder: Sendable, Equatable {
    /// A device that delivered for so long is well again.
    static let memory = Duration.seconds(10)

    private(set) var step = StallStep.restart
    private var last: MonotonicInstant?

    mutating func stalled(now: MonotonicInstant) {
        step = last.map { now - $0 < Self.memory } == true ? step.following : .restart
        last = now
    }

    /// The step did not help.
    mutating func climb(now: MonotonicInstant) {
        step = step.following
        last = now
    }
}
