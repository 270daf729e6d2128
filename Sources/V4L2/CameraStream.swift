import Glibc
import Media
import Synchronization

/// One run of a camera, from its start to its end, on a thread of its own.
final class CameraStream: Sendable {
    private struct State {
        var stop: StandbyPolicy?
        var outcome: Result<VideoStreamInfo, DeviceError>?
        var warm: ConfiguredCamera?
        var node: CameraNode?
    }

    private enum End {
        case asked(StandbyPolicy)
        case failed(KernelError)
    }

    private let opener: CameraOpener
    private let target: VideoTarget
    private let deliver: @Sendable (VideoFrame) -> Void
    private let onEvent: @Sendable (VideoDeviceEvent) -> Void
    private let state: Mutex<State>
    private let counters = Mutex(VideoStreamStatistics())
    private let wakeup: Wakeup
    private let started = Completion()
    private let thread = Mutex<DeviceThread?>(nil)

    /// Below that of sound. A picture is handed on, not encoded, on this thread; without a priority its start and its close
    /// would wait for a codec that is busy with the last one.
    private static let priority = 10

    private var kernel: any V4L2Kernel { opener.scanner.kernel }

    /// - Throws: where the process may open no more files.
    init(
        _ opener: CameraOpener, _ target: VideoTarget, deliver: @escaping @Sendable (VideoFrame) -> Void,
        onEvent: @escaping @Sendable (VideoDeviceEvent) -> Void
    ) throws(DeviceError) {
        wakeup = try Wakeup(for: "start(\(opener.id))", opener.id.rawValue)
        self.opener = opener
        self.target = target
        self.deliver = deliver
        self.onEvent = onEvent
        state = Mutex(State())
    }

    var statistics: VideoStreamStatistics { counters.withLock { $0 } }

    /// Where the camera was found.
    var node: CameraNode? { state.withLock { $0.node } }

    // MARK: Control, from any task

    /// Starts the thread and waits until the driver runs or has refused.
    /// - `warm`: a handle kept by the run before; taken over, whatever comes of it.
    func launch(_ warm: ConfiguredCamera?) async throws(DeviceError) -> VideoStreamInfo {
        let thread = DeviceThread(name: "camera") { _ in
            RealTimePriority().ask(Self.priority)
            self.run(warm)
        }
        self.thread.withLock { $0 = thread }
        // Cancelling only asks: the thread closes the device before it answers.
        await withTaskCancellationHandler {
            await started.wait()
        } onCancel: {
            askToStop(.release)
        }
        guard let outcome = state.withLock({ $0.outcome }) else {
            preconditionFailure("a stream that has started has an outcome")
        }
        return try outcome.get()
    }

    /// Asks the run to end, its start included. Returns at once.
    func askToStop(_ standby: StandbyPolicy) {
        state.withLock { $0.stop = $0.stop == .release ? .release : standby }
        wakeup.signal()
    }

    /// Waits for the run's end.
    /// - Returns: the handle that was kept, with `.warm`.
    func finish() async -> ConfiguredCamera? {
        if let thread = thread.withLock({ $0 }) { await thread.join() }
        return state.withLock { $0.warm.take() }
    }

    // MARK: The thread

    private func run(_ warm: ConfiguredCamera?) {
        let running: CameraOpener.Started
        do throws(DeviceError) {
            running = try begin(warm)
        } catch {
            state.withLock { $0.outcome = .failure(error) }
            started.complete()
            return
        }
        counters.withLock { $0.startedAt = running.at }
        state.withLock { state in
            state.node = running.camera.node
            state.outcome = .success(running.camera.info(reused: running.reused))
        }
        started.complete()
        end(running.camera, by: loop(running.camera, since: running.at))
    }

    private func begin(_ warm: ConfiguredCamera?) throws(DeviceError) -> CameraOpener.Started {
        let isCancelled = { self.state.withLock { $0.stop != nil } }
        var running: CameraOpener.Started?
        if let warm {
            if isCancelled() || warm.target != target {
                warm.close()
            } else {
                running = opener.restart(warm, wakeup)
            }
        }
        let result: CameraOpener.Started
        if let running {
            result = running
        } else {
            result = try opener.start(target, wakeup, isCancelled: isCancelled)
        }
        if isCancelled() {
            result.camera.close()
            throw .cancelled(opener.id.rawValue)
        }
        return result
    }

    private func end(_ camera: ConfiguredCamera, by end: End) {
        switch end {
        case .asked(.warm):
            camera.buffers.stop()
            state.withLock { $0.warm = camera }
        case .asked(.release):
            camera.close()
        case .failed(let error):
            camera.close()
            onEvent(.ended(DeviceError(error, device: opener.id.rawValue)))
        }
    }

    private func loop(_ camera: ConfiguredCamera, since startedAt: MonotonicInstant) -> End {
        var run = Run(FrameAccounting(startedAt: startedAt, interval: camera.frameTime), startedAt)
        do throws(KernelError) {
            while true {
                if let standby = state.withLock({ $0.stop }) { return .asked(standby) }
                if let failure = camera.buffers.failure { return .failed(failure) }
                // Also with no buffer in the driver's hands: it tells when the camera goes.
                let descriptor = camera.buffers.isPollable ? camera.descriptor : nil
                let timeout = run.isStalled ? nil : max(.zero, run.lastFrame + target.stallAfter - kernel.now())
                let result = try kernel.wait(descriptor, wakeup, timeout)
                if result.contains(.woken) {
                    wakeup.drain()
                } else if !result.isDisjoint(with: [.ready, .broken]) {
                    try takeFrame(camera, &run, isBroken: result.contains(.broken))
                }
                // Also when something did happen: a driver may wake us for nothing for ever.
                if !run.isStalled, kernel.now() - run.lastFrame >= target.stallAfter {
                    run.isStalled = true
                    onEvent(.stalled(stall(run, hasQueued: camera.buffers.hasQueued)))
                }
            }
        } catch {
            return .failed(error)
        }
    }

    /// What a run keeps from frame to frame.
    private struct Run {
        var accounting: FrameAccounting
        var lastFrame: MonotonicInstant
        var hasDelivered = false
        var isStalled = false
        /// Dequeues in a row that gave nothing although the driver said that there was something.
        var failuresInRow = 0

        init(_ accounting: FrameAccounting, _ startedAt: MonotonicInstant) {
            self.accounting = accounting
            lastFrame = startedAt
        }
    }

    /// Takes one filled buffer and hands it on.
    private func takeFrame(_ camera: ConfiguredCamera, _ run: inout Run, isBroken: Bool) throws(KernelError) {
        let dequeued: DequeuedBuffer?
        do throws(KernelError) {
            dequeued = try kernel.dequeue(camera.descriptor, camera.node.api, planes: camera.layout.planes.count)
        } catch {
            // EIO of a driver that goes on is a frame lost (VIDIOC_DQBUF); with POLLERR it is the end.
            guard error.code == EIO, !isBroken, run.failuresInRow < 10 else { throw error }
            run.failuresInRow += 1
            countLost(&run)
            return try pause()
        }
        guard let buffer = dequeued else {
            if isBroken {
                // A device that is gone says so here.
                _ = try kernel.capability(camera.descriptor)
                throw KernelError("poll", EIO)
            }
            return try pause()
        }
        guard camera.buffers.memory.indices.contains(buffer.index) else { throw KernelError("VIDIOC_DQBUF", EPROTO) }
        run.failuresInRow = 0
        camera.buffers.took(buffer.index)
        let now = kernel.now()
        let verdict = run.accounting.judge(
            sequence: buffer.sequence, timestamp: buffer.timestamp, isWhole: camera.isWhole(buffer), now: now,
            starvedFor: camera.buffers.takeStarvation())
        guard case .deliver(let capturedAt) = verdict else {
            camera.buffers.release(buffer.index)
            let dropped = run.accounting.dropped
            counters.withLock { $0.dropped = dropped }
            return
        }
        guard let frame = camera.frame(buffer, capturedAt: capturedAt) else {
            countLost(&run)
            return
        }
        run.lastFrame = now
        run.hasDelivered = true
        let dropped = run.accounting.dropped
        // A picture is stamped when it begins, and takes up to a frame's time to arrive.
        let isLate = camera.frameTime > .zero && now - capturedAt > camera.frameTime * 2
        counters.withLock { counters in
            counters.frames += 1
            if isLate { counters.late += 1 }
            counters.dropped = dropped
            if counters.firstFrameAt == nil { counters.firstFrameAt = now }
            counters.lastFrameAt = now
        }
        if run.isStalled {
            run.isStalled = false
            onEvent(.resumed)
        }
        deliver(frame)
        // The time that the receiver took is not the camera's silence.
        run.lastFrame = kernel.now()
    }

    private func countLost(_ run: inout Run) {
        run.accounting.countLost()
        let dropped = run.accounting.dropped
        counters.withLock { $0.dropped = dropped }
    }

    /// A driver that wakes us for nothing must not make us spin.
    private func pause() throws(KernelError) {
        if try kernel.wait(nil, wakeup, .milliseconds(1)).contains(.woken) { wakeup.signal() }
    }

    private func stall(_ run: Run, hasQueued: Bool) -> DeviceError {
        let seconds = target.stallAfter.milliseconds / 1_000
        let lost = statistics.dropped
        let reason: String
        if !hasQueued {
            reason = "all frames of the camera are still held by the program"
        } else if lost > 0, !run.hasDelivered {
            reason = "only damaged frames for \(seconds) s"
        } else {
            reason = "no frame for \(seconds) s"
        }
        return DeviceError(
            run.hasDelivered ? .stalled : .neverStarted, operation: "poll", device: opener.id.rawValue,
            reason: reason, advice: "Unplug the camera and plug it in again, or choose another")
    }
}
