import Media
import Synchronization

/// One camera of this machine.
final class V4L2Camera: VideoDevice {
    let info: VideoDeviceInfo
    private let scanner: NodeScanner
    private let cache: ModeCache
    private let gate = SerialGate()
    private let state: Mutex<State>

    private struct State {
        /// Where it was last.
        var path: String
        var stream: CameraStream?
        var warm: ConfiguredCamera?
    }

    init(_ scanner: NodeScanner, _ cache: ModeCache, _ info: VideoDeviceInfo, path: String) {
        self.scanner = scanner
        self.cache = cache
        self.info = info
        state = Mutex(State(path: path))
    }

    deinit {
        let (stream, warm) = state.withLock { ($0.stream.take(), $0.warm.take()) }
        stream?.askToStop(.release)
        warm?.close()
    }

    var path: String { state.withLock { $0.path } }

    var statistics: VideoStreamStatistics { state.withLock { $0.stream }?.statistics ?? VideoStreamStatistics() }

    var controls: (any VideoControls)? {
        CameraControls(opener: opener)
    }

    private var opener: CameraOpener { CameraOpener(scanner: scanner, cache: cache, id: info.id, path: path) }

    func start(
        _ target: VideoTarget, deliver: @escaping @Sendable (VideoFrame) -> Void,
        onEvent: @escaping @Sendable (VideoDeviceEvent) -> Void
    ) async throws(DeviceError) -> VideoStreamInfo {
        try check(target)
        await gate.enter()
        defer { gate.leave() }
        if Task.isCancelled {
            await halt(.release)
            throw .cancelled(info.id.rawValue)
        }
        // A run that is still on gives its handle to the next.
        await halt(.warm)
        let stream = try CameraStream(opener, target, deliver: deliver, onEvent: onEvent)
        let warm = state.withLock { state in
            state.stream = stream
            return state.warm.take()
        }
        let started = try await stream.launch(warm)
        if let node = stream.node { state.withLock { $0.path = node.path } }
        return started
    }

    func stop(_ standby: StandbyPolicy) async {
        // Before the queue at the gate: a start that waits for a busy device ends now.
        state.withLock { $0.stream }?.askToStop(standby)
        await gate.enter()
        await halt(standby)
        gate.leave()
    }

    /// Ends the run there is, and closes what is kept unless it is to stay warm.
    private func halt(_ standby: StandbyPolicy) async {
        if let stream = state.withLock({ $0.stream }) {
            stream.askToStop(standby)
            if let kept = await stream.finish() { state.withLock { $0.warm = kept } }
        }
        guard standby == .release, let warm = state.withLock({ $0.warm.take() }) else { return }
        // Closing may wait for the driver: not on the concurrency pool.
        await DeviceThread(name: "camera close", priority: 10) { _ in warm.close() }.join()
    }

    private func check(_ target: VideoTarget) throws(DeviceError) {
        let isPossible =
            (1...16_384).contains(target.width) && (1...16_384).contains(target.height)
            && target.framesPerSecond > 0 && target.framesPerSecond <= 1_000 && target.stallAfter > .zero
            && target.busyRetry >= .zero
        guard !isPossible else { return }
        throw DeviceError(
            .invalidArgument, operation: "start", device: info.id.rawValue,
            reason: "\(target.width)×\(target.height) at \(target.framesPerSecond) frames a second is no picture",
            advice: "Give 1 to 16384 pixels each way and a rate above 0 and up to 1000")
    }
}
