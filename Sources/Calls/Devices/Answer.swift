import Media
import Synchronization

/// What a device answers once: its first block, its failure, what a lookup found. Whoever waits for it stops waiting when
/// the session ends, also where the device says nothing.
final class Answer<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, DeviceError>?>(nil)
    private let completion = Completion()
    private let device: String

    /// - `device`: named by the errors.
    init(device: String) { self.device = device }

    /// Any thread; the first answer counts.
    func resolve(_ value: Result<Value, DeviceError>) {
        result.withLock { if $0 == nil { $0 = value } }
        completion.complete()
    }

    func failed(_ error: DeviceError) { resolve(.failure(error)) }

    /// Waits for the answer.
    /// - Throws: `.cancelled` when the task is cancelled.
    func value() async throws(DeviceError) -> Value {
        let cancelled = DeviceError(
            .cancelled, operation: "start", device: device, reason: "the session ended while the device started")
        await withTaskCancellationHandler {
            await completion.wait()
        } onCancel: {
            failed(cancelled)
        }
        return try (result.withLock { $0 } ?? .failure(cancelled)).get()
    }

    /// Waits for the answer for at most `limit` of `clock`, whatever becomes of the task.
    /// - Throws: `late` after that.
    func value(
        within limit: Duration, clock: any Clock<Duration>, late: DeviceError
    ) async throws(DeviceError) -> Value {
        _ = await completion.wait(atMost: limit, clock: clock, isCancellable: false)
        return try (result.withLock { $0 } ?? .failure(late)).get()
    }

    /// Waits for the answer as long as a device may take that tells of its stalls itself: one whose driver does not come
    /// back tells nothing.
    /// - Throws: `.neverStarted` after `limit` of `clock`.
    func value(atMost limit: Duration, clock: any Clock<Duration>) async throws(DeviceError) -> Value {
        let device = device
        let timer = Task {
            guard (try? await clock.sleep(for: limit)) != nil else { return }
            failed(
                DeviceError(
                    .neverStarted, operation: "start", device: device,
                    reason: "started, and neither delivers nor says why for \(limit.milliseconds) ms",
                    advice: "Plug the device out and in, or choose another device"))
        }
        defer { timer.cancel() }
        return try await value()
    }
}

/// The first thing a started device brings: a block or frame, or its failure.
typealias Arrival = Answer<Void>

extension Answer<Void> {
    /// The device delivered.
    func arrived() { resolve(.success(())) }

    /// How long after its own watch a device is given up that tells nothing.
    static var grace: Duration { .seconds(2) }
}
