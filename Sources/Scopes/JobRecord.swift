import Synchronization

/// What a scope runs, and where.
enum JobOperation: Sendable {
    case anywhere(@Sendable () async throws -> Void)
    case main(@MainActor @Sendable () async throws -> Void)
}

/// The identity of one child, alive as long as anybody asks about it.
final class JobRecord: Sendable {
    /// The child that the running task is, or was started from by `Task {}`, `async let` or a task group.
    @TaskLocal static var current: JobRecord?

    let name: String
    private let operation: Mutex<JobOperation?>
    private let ended = Atomic<Bool>(false)

    init(name: String, operation: JobOperation) {
        self.name = name
        self.operation = Mutex(operation)
    }

    var isActive: Bool { !ended.load(ordering: .acquiring) }

    /// Runs the operation once. On return nothing of it is referenced any more: whoever is told of the end may count
    /// on everything it captured being free.
    func run() async throws {
        switch operation.withLock({ $0.take() }) {
        case .anywhere(let operation): try await operation()
        case .main(let operation): try await operation()
        case nil: break
        }
    }

    /// Drops an operation that was never run, and marks the end.
    func end() {
        _ = operation.withLock { $0.take() }
        ended.store(true, ordering: .releasing)
    }
}
