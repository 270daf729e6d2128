import Media
import Synchronization

/// How a bounded wait ended.
enum BoundedWait: Sendable {
    case completed, timedOut, cancelled
}

extension Completion {
    /// Waits for completion, for at most `limit` of `clock`, or until the waiter is cancelled where it may be.
    /// - `isCancellable`: false where the wait must outlast the waiter's cancellation.
    func wait(
        atMost limit: Duration, clock: any Clock<Duration>, isCancellable: Bool = true
    ) async -> BoundedWait {
        if isComplete { return .completed }
        let outcome = Outcome()
        let timer = Task {
            if (try? await clock.sleep(for: limit)) != nil { outcome.resolve(.timedOut) }
        }
        Task {
            await self.wait()
            outcome.resolve(.completed)
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            await outcome.value()
        } onCancel: {
            if isCancellable { outcome.resolve(.cancelled) }
        }
    }
}

/// The first of several answers.
private final class Outcome: Sendable {
    private let result = Mutex<BoundedWait?>(nil)
    private let completion = Completion()

    func resolve(_ value: BoundedWait) {
        result.withLock { if $0 == nil { $0 = value } }
        completion.complete()
    }

    func value() async -> BoundedWait {
        await completion.wait()
        return result.withLock { $0 } ?? .completed
    }
}
