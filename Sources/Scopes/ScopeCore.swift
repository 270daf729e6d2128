import Synchronization

/// The children of a ``Scope``, or of one generation of a ``ReusableScope``.
///
/// It refers to a child until that ended, and the child to it: the cycle lasts as long as the child runs.
final class ScopeCore: Sendable {
    private struct State {
        var isCancelled = false
        var children: [ObjectIdentifier: ScopeJob] = [:]
    }

    let name: String
    let generation: Int
    private let onFailure: @Sendable (ScopeFailure) -> Void
    private let state = Mutex(State())

    init(name: String, generation: Int, onFailure: @escaping @Sendable (ScopeFailure) -> Void) {
        self.name = name
        self.generation = generation
        self.onFailure = onFailure
    }

    var isCancelled: Bool { state.withLock { $0.isCancelled } }
    var children: [ScopeJob] { state.withLock { Array($0.children.values) } }
    var childCount: Int { state.withLock { $0.children.count } }

    /// Starts a child, or returns nil where the core is cancelled.
    func launch(_ childName: String, priority: TaskPriority?, _ operation: JobOperation) -> ScopeJob? {
        let record = JobRecord(name: childName, operation: operation)
        return state.withLock { state in
            guard !state.isCancelled else { return nil }
            // Made under the lock: a child that ends at once finds itself in the table, because `ended` waits for it.
            let job = ScopeJob(record: record, task: task(record, priority: priority, operation))
            state.children[ObjectIdentifier(record)] = job
            return job
        }
    }

    /// Refuses children from now on. Cancels nobody: that runs cancellation handlers, which must find no lock held.
    func close() { state.withLock { $0.isCancelled = true } }

    func cancelChildren() {
        for child in children { child.cancel() }
    }

    private func task(_ record: JobRecord, priority: TaskPriority?, _ operation: JobOperation) -> Task<Void, Never> {
        let taskName = "\(name)/\(record.name)"
        // Bound around the task's creation, which copies it: bound inside, it would take a closure that leaves the
        // main actor and comes back behind later children.
        return JobRecord.$current.withValue(record) {
            switch operation {
            case .anywhere: Task(name: taskName, priority: priority) { await self.run(record) }
            case .main:
                // Queued on the main actor itself, so that children start in the order of their launches.
                Task(name: taskName, priority: priority) { @MainActor in await self.run(record) }
            }
        }
    }

    private func run(_ record: JobRecord) async {
        do {
            // Cancelled before its first step: it takes none.
            try Task.checkCancellation()
            try await record.run()
        } catch is CancellationError {
            // The ordinary end of a cancelled child.
        } catch {
            onFailure(ScopeFailure(scope: name, child: record.name, generation: generation, error: error))
        }
        record.end()
        _ = state.withLock { $0.children.removeValue(forKey: ObjectIdentifier(record)) }
    }
}
