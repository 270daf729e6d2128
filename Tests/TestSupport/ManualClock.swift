import Synchronization

/// A clock that a test moves: who sleeps on it wakes when the test says so.
package final class ManualClock: Clock, Sendable {
    package struct Instant: InstantProtocol {
        package var offset: Duration
        package func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        package func duration(to other: Instant) -> Duration { other.offset - offset }
        package static func < (a: Instant, b: Instant) -> Bool { a.offset < b.offset }
    }

    private struct State {
        var now = Instant(offset: .zero)
        var sleepers: [Int: (Instant, CheckedContinuation<Void, any Error>)] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    package init() {}

    package var now: Instant { state.withLock { $0.now } }
    package var minimumResolution: Duration { .nanoseconds(1) }

    package func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let key = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome = state.withLock { state -> Result<Void, any Error>? in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if deadline <= state.now { return .success(()) }
                    state.sleepers[key] = (deadline, continuation)
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: key) }?.1.resume(throwing: CancellationError())
        }
    }

    package func advance(by duration: Duration) {
        let woken = state.withLock { state -> [CheckedContinuation<Void, any Error>] in
            state.now = state.now.advanced(by: duration)
            let due = state.sleepers.filter { $0.value.0 <= state.now }
            for key in due.keys { state.sleepers[key] = nil }
            return due.values.map(\.1)
        }
        for sleeper in woken { sleeper.resume() }
    }

    /// Whether somebody sleeps until at most `duration` from now.
    package func hasSleeper(within duration: Duration) -> Bool {
        state.withLock { state in
            state.sleepers.values.contains { state.now.duration(to: $0.0) <= duration }
        }
    }

    /// Whether somebody sleeps until at least `duration` from now.
    package func hasSleeper(for duration: Duration) -> Bool {
        state.withLock { state in
            state.sleepers.values.contains { state.now.duration(to: $0.0) >= duration }
        }
    }

    /// How many sleep.
    package var sleepers: Int { state.withLock { $0.sleepers.count } }
}
