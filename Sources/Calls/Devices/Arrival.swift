import Media
import Synchronization

/// The first thing a started device brings: a block or frame, or its failure.
final class Arrival: Sendable {
    private let result = Mutex<Result<Void, DeviceError>?>(nil)
    private let completion = Completion()

    /// The device delivered. Any thread; the first answer counts.
    func arrived() { resolve(.success(())) }

    func failed(_ error: DeviceError) { resolve(.failure(error)) }

    /// Waits for the first answer.
    /// - Throws: `.cancelled` when the task is cancelled.
    func wait(device: String) async throws(DeviceError) {
        let cancelled = DeviceError(
            .cancelled, operation: "start", device: device, reason: "the session ended while the device started")
        await withTaskCancellationHandler {
            await completion.wait()
        } onCancel: {
            resolve(.failure(cancelled))
        }
        try (result.withLock { $0 } ?? .failure(cancelled)).get()
    }

    private func resolve(_ value: Result<Void, DeviceError>) {
        result.withLock { if $0 == nil { $0 = value } }
        completion.complete()
    }
}
