import Media
import Synchronization

@testable import Calls

/// A monotonic time that a test moves.
final class TestTime: Sendable {
    private let nanoseconds = Atomic<Int64>(1_000_000_000)

    var now: MonotonicInstant { MonotonicInstant(nanoseconds: nanoseconds.load(ordering: .relaxed)) }
    func advance(by duration: Duration) { nanoseconds.wrappingAdd(duration.nanoseconds, ordering: .relaxed) }
}

extension Call {
    /// Whether nothing is on and nothing is being cleaned up.
    var lifecycleIsIdle: Bool { lifecycle.withLock { $0.session == nil && $0.cleanup == nil } }
}
