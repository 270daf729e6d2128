import Media
import Synchronization
import V4L2

/// What a camera delivered and told, with waiting for it.
final class CameraProbe: Sendable {
    struct Frame: Sendable {
        var sequence: UInt32
        var capturedAt: MonotonicInstant
        var arrivedAt: MonotonicInstant
        var format: PixelFormat
        var width: Int
        var height: Int
    }

    struct Seen: Sendable {
        var frames: [Frame] = []
        var events: [VideoDeviceEvent] = []
        /// Frames that are kept from the driver.
        var held: [VideoFrame] = []

        var ended: DeviceError? {
            for case .ended(let error) in events { return error }
            return nil
        }

        var stalled: DeviceError? {
            for case .stalled(let error) in events { return error }
            return nil
        }
    }

    private struct Waiter {
        var id: Int
        var condition: @Sendable (Seen) -> Bool
        var continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var seen = Seen()
        var waiters: [Waiter] = []
        var nextID = 0
    }

    private let state = Mutex(State())
    private let hold: Int

    /// - `hold`: how many of the first frames are kept.
    init(hold: Int = 0) { self.hold = hold }

    var seen: Seen { state.withLock { $0.seen } }

    func dropHeld() {
        // The frames go when the lock is free again: giving back a buffer may call the driver.
        let held = state.withLock { state in
            let held = state.seen.held
            state.seen.held = []
            return held
        }
        withExtendedLifetime(held) {}
    }

    /// Starts a camera into this probe.
    func start(_ camera: any VideoDevice, _ target: VideoTarget = .lab) async throws(DeviceError) -> VideoStreamInfo {
        try await camera.start(
            target,
            deliver: { frame in
                self.change { seen in
                    seen.frames.append(
                        Frame(
                            sequence: frame.sequence, capturedAt: frame.capturedAt, arrivedAt: .now(),
                            format: frame.format, width: frame.width, height: frame.height))
                    if seen.held.count < self.hold { seen.held.append(frame) }
                }
            }, onEvent: { event in self.change { $0.events.append(event) } })
    }

    private func change(_ body: (inout Seen) -> Void) {
        let ready = state.withLock { state in
            body(&state.seen)
            let ready = state.waiters.filter { $0.condition(state.seen) }
            state.waiters.removeAll { waiter in ready.contains { $0.id == waiter.id } }
            return ready
        }
        for waiter in ready { waiter.continuation.resume(returning: true) }
    }

    /// Waits until something has been seen. Returns false where it was not within the time.
    func wait(seconds: Int = 20, until condition: @escaping @Sendable (Seen) -> Bool) async -> Bool {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let timer = Task {
            try await Task.sleep(for: .seconds(seconds))
            let late = state.withLock { state in
                let late = state.waiters.first { $0.id == id }
                state.waiters.removeAll { $0.id == id }
                return late
            }
            late?.continuation.resume(returning: false)
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { continuation in
            let isTrue = state.withLock { state in
                if condition(state.seen) { return true }
                state.waiters.append(Waiter(id: id, condition: condition, continuation: continuation))
                return false
            }
            if isTrue { continuation.resume(returning: true) }
        }
    }

    func frames(_ count: Int, seconds: Int = 20) async -> Bool {
        await wait(seconds: seconds) { $0.frames.count >= count }
    }
}

extension VideoTarget {
    /// What the emulated processor of the lab's VM can paint in time.
    static let lab = VideoTarget(width: 640, height: 360, framesPerSecond: 30)
}
