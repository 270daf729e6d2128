import Synchronization

/// Lets one task at a time through, in the order of their coming: what must not overlap across suspensions.
final class AsyncLock: Sendable {
    private struct State {
        var tail: Task<Void, Never>?
        var count = 0
    }

    private let state = Mutex(State())

    /// Whether anything runs or waits to.
    var isBusy: Bool { state.withLock { $0.count > 0 } }

    /// Runs the work when all that came before has ended. The work is not cut short by the caller's cancellation.
    func run<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await start(work).value
    }

    /// As ``run(_:)``, without waiting for the end.
    @discardableResult
    func start<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) -> Task<Value, any Error> {
        state.withLock { state in
            let before = state.tail
            state.count += 1
            let task = Task<Value, any Error> {
                await before?.value
                defer { self.state.withLock { $0.count -= 1 } }
                return try await work()
            }
            state.tail = Task { _ = await task.result }
            return task
        }
    }
}
