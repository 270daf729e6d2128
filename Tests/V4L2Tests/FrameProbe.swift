import Media
import Synchronization

/// Receives a camera's frames and events, and lets a test wait for them.
final class FrameProbe: Sendable {
    private struct State {
        var count = 0
        var frames: [VideoFrame] = []
        var events: [VideoDeviceEvent] = []
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let keeps: Int

    /// - `keeps`: how many frames are kept from the driver, the newest.
    init(keeps: Int = 1) { self.keeps = keeps }

    func start(_ camera: any VideoDevice, _ target: VideoTarget) async throws(DeviceError) -> VideoStreamInfo {
        try await camera.start(
            target,
            deliver: { frame in
                self.change { state in
                    state.count += 1
                    state.frames.append(frame)
                    return state.frames.count > self.keeps ? state.frames.removeFirst() : nil
                }
            },
            onEvent: { event in
                self.change { state in
                    state.events.append(event)
                    return nil
                }
            })
    }

    /// - `body`: returns a frame to be dropped when the lock is free again: giving back a buffer calls the driver.
    private func change(_ body: (inout State) -> VideoFrame?) {
        let (waiters, dropped) = state.withLock { state in
            let dropped = body(&state)
            let waiters = state.waiters
            state.waiters = []
            return (waiters, dropped)
        }
        withExtendedLifetime(dropped) {}
        for waiter in waiters { waiter.resume() }
    }

    /// Frames so far, those that were dropped included.
    var count: Int { state.withLock { $0.count } }
    var events: [VideoDeviceEvent] { state.withLock { $0.events } }

    /// Waits until the number of frames has come; gives the last one that is still here.
    func frame(_ number: Int) async -> VideoFrame? {
        await wait { $0.count >= number }
        return state.withLock { $0.frames.last }
    }

    /// The first of those that are kept.
    func firstFrame() async -> VideoFrame? {
        await wait { $0.count >= 1 }
        return state.withLock { $0.frames.first }
    }

    func event(_ matches: @escaping @Sendable (VideoDeviceEvent) -> Bool) async -> Bool {
        await wait { $0.events.contains(where: matches) }
        return true
    }

    private func wait(_ condition: @escaping (State) -> Bool) async {
        while true {
            if state.withLock({ condition($0) }) { return }
            await withCheckedContinuation { continuation in
                let isTrue = state.withLock { state in
                    if condition(state) { return true }
                    state.waiters.append(continuation)
                    return false
                }
                if isTrue { continuation.resume() }
            }
        }
    }

    /// Gives the buffers back to the driver.
    func dropFrames() {
        // The frames go when the lock is free again: giving back a buffer calls the driver.
        let frames = state.withLock { state in
            let frames = state.frames
            state.frames = []
            return frames
        }
        withExtendedLifetime(frames) {}
    }
}
