import Scopes
import Synchronization
import Testing

/// What happened, in order: written by children, read and waited for by tests.
final class Log: Sendable {
    private let lines = StateFlow<[String]>([])

    func add(_ line: String) { lines.update { $0.append(line) } }
    var all: [String] { lines.value }

    /// Returns when all of these lines are there.
    func wait(for expected: [String]) async {
        for await lines in lines where expected.allSatisfy(lines.contains) { return }
    }
}

/// Opens once; tasks wait for it whether or not they are cancelled.
final class Gate: Sendable {
    private let flow = StateFlow(false)

    func open() { flow.set(true) }

    /// Not cut short by cancellation.
    func wait() async {
        let flow = flow
        await Task.detached { for await isOpen in flow where isOpen { return } }.value
    }
}

/// Returns when the task is cancelled.
func untilCancelled() async {
    let never = StateFlow(())
    for await _ in never {}
    withExtendedLifetime(never) {}
}

struct ExpectedFailure: Error {}

/// Counts the objects that are alive: what a leak leaves behind.
final class Census: Sendable {
    private let count = Atomic<Int>(0)
    var alive: Int { count.load(ordering: .sequentiallyConsistent) }

    final class Member: Sendable {
        private let census: Census
        init(_ census: Census) {
            self.census = census
            census.count.add(1, ordering: .sequentiallyConsistent)
        }
        deinit { census.count.subtract(1, ordering: .sequentiallyConsistent) }
    }

    func member() -> Member { Member(self) }
}
