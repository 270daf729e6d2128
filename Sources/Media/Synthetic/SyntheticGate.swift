import Synchronization

/// Holds a synthetic device in the middle of a start or a stop until a test opens it.
public final class SyntheticGate: Sendable {
    private struct State {
        var isOpen = false
        var arrivals = 0
        var nextID = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    public init() {}

    /// Lets those who wait, and all who come later, pass.
    public func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters.removeAll() }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when somebody has come to the gate: the moment at which a test can cancel, leave, or look.
    public func waitForArrival() async {
        await withCheckedContinuation { continuation in
            let hasArrived = state.withLock { state in
                if state.arrivals == 0 { state.watchers.append(continuation) }
                return state.arrivals > 0
            }
            if hasArrived { continuation.resume() }
        }
    }

    /// Passes when open. Returns early when the task is cancelled and `isCancellable`.
    func pass(isCancellable: Bool) async {
        let watchers = state.withLock { state in
            state.arrivals += 1
            defer { state.watchers.removeAll() }
            return state.watchers
        }
        for watcher in watchers { watcher.resume() }
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = state.withLock { state in
                    // A task is marked as cancelled before its handler runs: it is seen here, or the handler finds it.
                    guard !state.isOpen, !(isCancellable && Task.isCancelled) else { return false }
                    state.waiters[id] = continuation
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            guard isCancellable else { return }
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}
