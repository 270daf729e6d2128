import Media
import Synchronization

/// Runs control calls that may block (enumeration, mixers, opening a PCM to look at it) on a thread of its own: two of
/// them on the concurrency pool would hold up everything else of a machine with two cores.
///
/// A thread is made with the first call and stays: two for the process, because a look at all devices takes long, and a
/// device that is wanted now must not wait for it.
final class ControlThread: Sendable {
    static let shared = ControlThread(name: "alsa-control")
    /// For looking at all devices.
    static let listing = ControlThread(name: "alsa-list", niceness: 5)

    private struct State {
        var work: [@Sendable () -> Void] = []
        var thread: DeviceThread?
    }

    private let name: String
    private let niceness: Int
    private let awake = WakeFlag()
    private let state = Mutex(State())

    /// - `niceness`: how many steps it stands back for a device that is started meanwhile.
    private init(name: String, niceness: Int = 0) {
        self.name = name
        self.niceness = niceness
    }

    /// Runs `body` on the thread and gives what it gives.
    func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws(DeviceError) -> Value
    ) async throws(DeviceError) -> Value {
        let result: Result<Value, DeviceError> = await withCheckedContinuation { continuation in
            enqueue {
                do throws(DeviceError) { continuation.resume(returning: .success(try body())) } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    private func enqueue(_ body: @escaping @Sendable () -> Void) {
        state.withLock { state in
            state.work.append(body)
            if state.thread == nil {
                state.thread = DeviceThread(name: name, niceness: niceness) { _ in self.serve() }
            }
        }
        awake.raise()
    }

    private func serve() {
        while true {
            awake.wait()
            while let body = state.withLock({ $0.work.isEmpty ? nil : $0.work.removeFirst() }) { body() }
        }
    }
}
