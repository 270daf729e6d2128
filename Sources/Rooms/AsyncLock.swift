import Synchronization

/// Lets one task at a time through, in the order of their coming: what must not overlap across suspensions.
final class AsyncLock: Sendable {
    private let tail = Mutex<Task<Void, Never>?>(nil)

    /// Runs the work when all that came before has ended. The work is not cut short by the caller's cancellation.
    func run<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await start(work).value
    }

    /// As ``run(_:)``, without waiting for the end.
    @discardableResult
    func start<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) -> Task<Value, any Error> {
        tail.withLock { tail in
            let before = tail
            let task = Task<Value, any Error> {
                await before?.value
                return try await work()
            }
            tail = Task { _ = await task.result }
            return task
        }
    }
}
