import Media
import Synchronization

/// One join, shared by all who called `join()` while it ran or while it holds.
final class JoinAttempt: Sendable {
    private struct State {
        var result: Result<Void, any Error>?
        var waiters: [Int: CheckedContinuation<Void, any Error>] = [:]
        var nextWaiter = 0
        var task: Task<Void, Never>?
        var isCancelled = false
    }

    /// The work of the join has ended, whatever its result: from here on it touches nothing.
    let workEnded = Completion()
    private let state = Mutex(State())

    /// Binds the task that does the work, so that ``cancelWork()`` reaches it, also one that came before.
    func start(_ task: Task<Void, Never>) {
        let isCancelled = state.withLock { state in
            state.task = task
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
    }

    /// Cancels the work; who waits goes on waiting for the result.
    func cancelWork() {
        let task = state.withLock { state in
            state.isCancelled = true
            return state.task
        }
        task?.cancel()
    }

    /// Sets the result; the first one counts.
    func resolve(_ result: Result<Void, any Error>) {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, any Error>] in
            guard state.result == nil else { return [] }
            state.result = result
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(with: result) }
    }

    /// Waits for the result. A waiter that is cancelled gets `CancellationError` and disturbs no other.
    /// - `abandoned`: called when the last waiter was cancelled before there was a result.
    func value(abandoned: @escaping @Sendable () -> Void) async throws {
        let key = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result = state.withLock { state -> Result<Void, any Error>? in
                    if let result = state.result { return result }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters[key] = continuation
                    return nil
                }
                if let result {
                    continuation.resume(with: result)
                    abandonIfUnwanted(abandoned)
                }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiters.removeValue(forKey: key) }
            waiter?.resume(throwing: CancellationError())
            if waiter != nil { abandonIfUnwanted(abandoned) }
        }
    }

    private func abandonIfUnwanted(_ abandoned: @Sendable () -> Void) {
        if state.withLock({ $0.result == nil && $0.waiters.isEmpty }) { abandoned() }
    }
}
