import Media

/// Judges the frames of one stream: which are delivered, with what time, and how many are missing.
///
/// A pure function of what the driver says and the time: no clock, no device.
struct FrameAccounting {
    /// What becomes of a buffer.
    enum Verdict: Equatable {
        case deliver(capturedAt: MonotonicInstant)
        /// Damaged, short, or older than the stream.
        case drop
    }

    private let startedAt: MonotonicInstant
    private let interval: Duration
    private var next: UInt32?
    /// Frames in a row that claim to be older than the stream.
    private var staleInRow = 0
    private var isClockUsable = true
    /// Frames lost so far.
    private(set) var dropped: Int64 = 0

    /// - `interval`: between two frames; zero where it is unknown.
    init(startedAt: MonotonicInstant, interval: Duration) {
        self.startedAt = startedAt
        self.interval = interval
    }

    /// - `starvedFor`: how long the driver had no buffer before this frame.
    mutating func judge(
        sequence: UInt32, timestamp: MonotonicInstant?, isWhole: Bool, now: MonotonicInstant, starvedFor: Duration
    ) -> Verdict {
        countGap(before: sequence, starvedFor: starvedFor)
        guard isWhole else {
            dropped += 1
            return .drop
        }
        guard isClockUsable, let timestamp, timestamp.nanoseconds > 0, timestamp <= now else {
            return .deliver(capturedAt: now)
        }
        guard timestamp < startedAt else {
            staleInRow = 0
            return .deliver(capturedAt: timestamp)
        }
        // STREAMOFF empties the driver's queues, so that more old frames than it has buffers are a clock that is not
        // CLOCK_MONOTONIC, whatever the flag says.
        staleInRow += 1
        if staleInRow > 32 {
            isClockUsable = false
            return .deliver(capturedAt: now)
        }
        return .drop
    }

    /// A frame that was judged good could not be handed on, or the driver lost one by its own account.
    mutating func countLost() { dropped += 1 }

    private mutating func countGap(before sequence: UInt32, starvedFor: Duration) {
        defer { next = sequence &+ 1 }
        guard let next else { return }
        let gap = sequence &- next
        if gap > 0 {
            // A count that goes backwards is a driver that began anew, not four thousand million lost frames.
            if gap < 1 << 31 { dropped += Int64(gap) }
        } else if interval > .zero, starvedFor > interval {
            // Some drivers do not count frames for which they had no buffer.
            dropped += starvedFor.nanoseconds / interval.nanoseconds
        }
    }
}
