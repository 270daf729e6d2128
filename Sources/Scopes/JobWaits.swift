import Synchronization

/// Waiting for jobs, such that jobs that wait for each other never wait for ever.
///
/// A wait made from inside a job is an edge of a graph; an edge that would close a cycle is left out. A job that waits
/// for its own scope is the shortest such cycle.
enum JobWaits {
    private struct Wait {
        let waiter: ObjectIdentifier
        let targets: Set<ObjectIdentifier>
    }

    private struct State {
        var nextToken = 0
        var waits: [Int: Wait] = [:]
    }

    private static let state = Mutex(State())

    /// Waits for all jobs but those that wait for the caller's own.
    static func wait(for jobs: [ScopeJob]) async {
        guard let waiter = JobRecord.current, !jobs.isEmpty else {
            for job in jobs { await job.task.value }
            return
        }
        let (token, allowed) = begin(waiter, jobs)
        for job in allowed { await job.task.value }
        _ = state.withLock { $0.waits.removeValue(forKey: token) }
    }

    private static func begin(_ waiter: JobRecord, _ jobs: [ScopeJob]) -> (token: Int, allowed: [ScopeJob]) {
        state.withLock { state in
            // All jobs that wait for the waiter, over any number of steps.
            var waiting: Set<ObjectIdentifier> = [ObjectIdentifier(waiter)]
            var isGrowing = true
            while isGrowing {
                isGrowing = false
                for wait in state.waits.values
                where !waiting.contains(wait.waiter) && !wait.targets.isDisjoint(with: waiting) {
                    waiting.insert(wait.waiter)
                    isGrowing = true
                }
            }
            let allowed = jobs.filter { !waiting.contains(ObjectIdentifier($0.record)) }
            let token = state.nextToken
            state.nextToken += 1
            state.waits[token] = Wait(
                waiter: ObjectIdentifier(waiter), targets: Set(allowed.map { ObjectIdentifier($0.record) }))
            return (token, allowed)
        }
    }
}
