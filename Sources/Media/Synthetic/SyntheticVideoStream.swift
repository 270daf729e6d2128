import Synchronization

/// A running synthetic camera or screen.
///
/// - Thread: the driver's, but for `statistics`.
final class SyntheticVideoStream: SyntheticStream, @unchecked Sendable {
    private let hardware: SyntheticHardware
    private let connection: Int
    private let pool: FramePool
    private let hue: (u: UInt8, v: UInt8)
    private let interval: Int64
    private let stallAfter: Duration
    private let deliver: @Sendable (VideoFrame) -> Void
    private let onEvent: @Sendable (VideoDeviceEvent) -> Void
    private let counters: Mutex<VideoStreamStatistics>
    private let startedAt: MonotonicInstant
    private var lastFrameAt: MonotonicInstant
    private var hasDelivered = false
    private var isReported = false
    private var sequence: UInt32 = 0

    init(
        hardware: SyntheticHardware, connection: Int, pool: FramePool, hue: (u: UInt8, v: UInt8),
        framesPerSecond: Double, stallAfter: Duration, deliver: @escaping @Sendable (VideoFrame) -> Void,
        onEvent: @escaping @Sendable (VideoDeviceEvent) -> Void
    ) {
        self.hardware = hardware
        self.connection = connection
        self.pool = pool
        self.hue = hue
        interval = Int64(1e9 / framesPerSecond)
        self.stallAfter = stallAfter
        startedAt = hardware.timing.now
        self.deliver = deliver
        self.onEvent = onEvent
        lastFrameAt = startedAt
        var statistics = VideoStreamStatistics()
        statistics.startedAt = startedAt
        counters = Mutex(statistics)
    }

    var statistics: VideoStreamStatistics { counters.withLock { $0 } }

    /// When the picture that comes next is complete.
    var due: MonotonicInstant { startedAt + .nanoseconds((Int64(sequence) + 1) * interval) }

    var isInterrupted: Bool { hardware.isUnplugged(since: connection) }

    func period(due: MonotonicInstant, now: MonotonicInstant) -> MonotonicInstant? {
        if isInterrupted {
            hardware.ended()
            onEvent(.ended(hardware.error(.disconnected, "poll", "The device was unplugged")))
            return nil
        }
        if hardware.isStalled.load(ordering: .acquiring) {
            reportStall(now: now)
        } else {
            skipLost(now: now)
            show(now: now)
        }
        sequence &+= 1
        return self.due
    }

    private func show(now: MonotonicInstant) {
        if isReported {
            isReported = false
            onEvent(.resumed)
        }
        lastFrameAt = now
        guard let buffer = pool.take() else {
            counters.withLock { $0.dropped += 1 }
            return
        }
        hasDelivered = true
        pool.draw(buffer, counter: sequence, hue: hue)
        counters.withLock { counters in
            counters.frames += 1
            counters.firstFrameAt = counters.firstFrameAt ?? now
            counters.lastFrameAt = now
        }
        // The picture's first line is as old as the picture takes.
        let capturedAt = self.due - .nanoseconds(interval)
        deliver(pool.frame(buffer, capturedAt: capturedAt, sequence: sequence))
    }

    private func reportStall(now: MonotonicInstant) {
        counters.withLock { $0.dropped += 1 }
        guard !isReported, now - lastFrameAt >= stallAfter else { return }
        isReported = true
        let code: DeviceError.Code = hasDelivered ? .stalled : .neverStarted
        onEvent(.stalled(hardware.error(code, "poll", "No frame for \(stallAfter)")))
    }

    /// A camera's buffers hold what a late thread has missed; what is older is lost.
    private func skipLost(now: MonotonicInstant) {
        let late = (now - due).nanoseconds / interval
        guard late > 4 else { return }
        sequence &+= UInt32(truncatingIfNeeded: late)
        counters.withLock { $0.dropped += late }
    }
}
