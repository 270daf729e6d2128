import Media
import Synchronization

/// One monitor, window or desktop of an X server.
final class X11Screen: VideoDevice {
    private struct State {
        var session: ScreenSession?
        var thread: DeviceThread?
        var warm: ScreenGrabber?
    }

    let info: VideoDeviceInfo
    private let id: ScreenID
    private let counters = ScreenStatistics()
    /// Start and stop are carried out one after the other; only who is inside touches the state.
    private let gate = SerialGate()
    private let state = Mutex(State())

    init(_ id: ScreenID, info: VideoDeviceInfo) {
        self.id = id
        self.info = info
    }

    deinit { state.withLock { $0.session?.stop(.release) } }

    var statistics: VideoStreamStatistics { counters.current }

    var controls: (any VideoControls)? { nil }

    func start(
        _ target: VideoTarget, deliver: @escaping @Sendable (VideoFrame) -> Void,
        onEvent: @escaping @Sendable (VideoDeviceEvent) -> Void
    ) async throws(DeviceError) -> VideoStreamInfo {
        try check(target)
        await gate.enter()
        defer { gate.leave() }
        // Started while it runs: a new stream takes the place of the old.
        await end(.warm)
        let sink = ScreenSink(deliver: deliver, onEvent: onEvent, statistics: counters)
        let session = try state.withLock { state throws(DeviceError) in
            let session = try ScreenSession(id, target: target, warm: state.warm.take(), sink: sink)
            state.session = session
            state.thread = DeviceThread(name: "screen") { _ in session.run() }
            return session
        }
        switch await session.outcome() {
        case .success(let info): return info
        case .failure(let error):
            await end(.release)
            throw error
        }
    }

    func stop(_ standby: StandbyPolicy) async {
        await gate.enter()
        defer { gate.leave() }
        await end(standby)
    }

    private func end(_ standby: StandbyPolicy) async {
        let (session, thread) = state.withLock { ($0.session.take(), $0.thread.take()) }
        session?.stop(standby)
        await thread?.join()
        let left = session?.takeWarm()
        state.withLock { state in
            if standby == .release {
                state.warm = nil
            } else if let left {
                state.warm = left
            }
        }
    }

    private func check(_ target: VideoTarget) throws(DeviceError) {
        guard target.width > 0, target.height > 0, (0.1...240).contains(target.framesPerSecond) else {
            throw DeviceError(
                .invalidArgument, operation: "start", device: id.text,
                reason: "\(target.width)×\(target.height) at \(target.framesPerSecond) frames a second",
                advice: "Ask for a size above 0 and 0.1 to 240 frames a second")
        }
    }
}
