internal import CLinux
internal import CXCB
import Media
import Synchronization

/// One stream, from start to stop, on a thread of its own.
final class ScreenSession: Sendable {
    private struct State {
        var standby = StandbyPolicy.release
        var isCancelled = false
        var outcome: Result<VideoStreamInfo, DeviceError>?
        var grabber: ScreenGrabber?
    }

    private let id: ScreenID
    private let target: VideoTarget
    private let sink: ScreenSink
    private let state: Mutex<State>
    private let interruption: Interruption
    private let started = Completion()

    /// - `warm`: what an earlier session left configured.
    /// - Throws: where the process may open no more files.
    init(_ id: ScreenID, target: VideoTarget, warm: ScreenGrabber?, sink: ScreenSink) throws(DeviceError) {
        interruption = try Interruption()
        self.id = id
        self.target = target
        self.sink = sink
        state = Mutex(State(grabber: warm))
    }

    /// Waits until the stream runs or could not be started.
    func outcome() async -> Result<VideoStreamInfo, DeviceError> {
        await withTaskCancellationHandler {
            await started.wait()
        } onCancel: {
            state.withLock { $0.isCancelled = true }
            interruption.raise()
        }
        return state.withLock { state in
            // Cancelled after it had started: the stream is ending already.
            if state.isCancelled { return .failure(X11Connection.cancelled("start", id.display)) }
            return state.outcome ?? .failure(X11Connection.cancelled("start", id.display))
        }
    }

    /// Tells the thread to end; join it afterwards.
    func stop(_ standby: StandbyPolicy) {
        state.withLock { $0.standby = standby }
        interruption.raise()
    }

    /// What the ended session left configured.
    func takeWarm() -> ScreenGrabber? { state.withLock { $0.grabber.take() } }

    /// The thread's body.
    func run() {
        xcb_shim_block_sigpipe()
        do throws(DeviceError) {
            let (grabber, isReused) = try open()
            sink.statistics.update {
                $0 = VideoStreamStatistics(); $0.startedAt = .now()
            }
            let timer = linux_timerfd()
            guard timer >= 0 else {
                throw DeviceError(
                    .failed, operation: "timerfd_create", device: id.text, reason: "errno \(-timer)", errno: -timer,
                    advice: "Raise the limit of open files (ulimit -n)")
            }
            grabber.begin(sink)
            finishStart(
                .success(
                    VideoStreamInfo(
                        device: DeviceID(id.text), format: "BGRX", width: grabber.size.width,
                        height: grabber.size.height,
                        framesPerSecond: target.framesPerSecond, reused: isReused)))
            let failure = stream(grabber, timer)
            _ = linux_close(timer)
            grabber.end()
            if let failure {
                sink.onEvent(.ended(failure))
            } else {
                state.withLock { if $0.standby == .warm, !$0.isCancelled { $0.grabber = grabber } }
            }
        } catch {
            finishStart(.failure(error))
        }
    }

    private func finishStart(_ outcome: Result<VideoStreamInfo, DeviceError>) {
        state.withLock { $0.outcome = outcome }
        started.complete()
    }

    /// The connection kept warm where it still serves, else a new one; the source found.
    private func open() throws(DeviceError) -> (ScreenGrabber, isReused: Bool) {
        let wait = X11Wait(interruption)
        if let warm = state.withLock({ $0.grabber.take() }) {
            do throws(DeviceError) {
                warm.progress()
                try warm.relocate(wait)
                // The end of a server or a window while stopped is known by now.
                if warm.failure == nil { return (warm, true) }
            } catch  where error.code == .noDisplay || error.code == .sourceClosed {
                // The server may have been started again since; a new connection tells what is there.
            }
        }
        let grabber = ScreenGrabber(try X11Connection.open(id.display, wait), id)
        do throws(DeviceError) {
            try grabber.relocate(wait)
        } catch {
            guard error.code == .sourceClosed else { throw error }
            throw DeviceError(
                .noDevice, operation: error.operation, device: error.device, reason: "there is no such source",
                advice: "List what can be shared with: reprise devices")
        }
        return (grabber, false)
    }

    /// Until it is told to stop (nil) or cannot go on.
    private func stream(_ grabber: ScreenGrabber, _ timer: Int32) -> DeviceError? {
        let interval = Int64(1e9 / target.framesPerSecond)
        _ = linux_timerfd_set(timer, MonotonicInstant.now().nanoseconds, interval)
        var isStalled = false
        while !interruption.isRaised {
            if linux_timerfd_drain(timer) > 0 {
                grabber.tick()
                reportStall(grabber, &isStalled)
            }
            grabber.progress()
            if let failure = grabber.failure { return failure }
            if grabber.mustRelocate {
                do throws(DeviceError) {
                    try grabber.relocate(X11Wait(interruption))
                } catch {
                    return error.code == .cancelled ? nil : error
                }
                // Replies waited for have read events off the socket.
                continue
            }
            waitReadable([timer, grabber.connection.descriptor, interruption.wakeup.descriptor], until: nil)
        }
        return nil
    }

    private func reportStall(_ grabber: ScreenGrabber, _ isStalled: inout Bool) {
        guard let since = grabber.waitingSince, .now() - since >= target.stallAfter else {
            if isStalled { sink.onEvent(.resumed) }
            isStalled = false
            return
        }
        guard !isStalled else { return }
        isStalled = true
        let hasFrames = sink.statistics.current.frames > 0
        sink.onEvent(
            .stalled(
                DeviceError(
                    hasFrames ? .stalled : .neverStarted, operation: "GetImage", device: id.text,
                    reason: "the X server has not answered for \(Int((.now() - since).milliseconds)) ms")))
    }
}
