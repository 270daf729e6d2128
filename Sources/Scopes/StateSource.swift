import Synchronization

/// What an observer of a state finds when it looks.
enum StateLook<Value: Sendable>: Sendable {
    /// The state changed since the version seen.
    case changed(Value, version: UInt64)
    case unchanged
    /// No change comes any more, and the last was seen.
    case finished
}

/// Where observers of a state read it: the state itself, or what is derived from it.
protocol StateSource<Value>: AnyObject, Sendable {
    associatedtype Value: Sendable
    var value: Value { get }
    /// - `seen`: the version the observer was given last, 0 for none.
    func look(after seen: UInt64) -> StateLook<Value>
    /// Returns when there is something newer than `seen`, the source is finished or the task is cancelled.
    func change(after seen: UInt64) async
    var isEqual: (@Sendable (Value, Value) -> Bool)? { get }
}

/// A value, its version, and those who wait for the next.
final class StateStorage<Value: Sendable>: StateSource {
    private struct State {
        var value: Value
        var version: UInt64 = 1
        var isFinished = false
        var nextWaiter: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    }

    private let state: Mutex<State>
    let isEqual: (@Sendable (Value, Value) -> Bool)?

    init(_ value: Value, isEqual: (@Sendable (Value, Value) -> Bool)?) {
        state = Mutex(State(value: value))
        self.isEqual = isEqual
    }

    var value: Value { state.withLock { $0.value } }

    func set(_ value: Value) {
        // The old value leaves the lock before it is freed: its deinitialiser may look at the flow.
        let (_, waiters) = state.withLock { state in
            let old = state.value
            state.value = value
            return (old, isEqual?(old, value) == true ? [] : Self.advance(&state))
        }
        for waiter in waiters { waiter.resume() }
    }

    func update<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        let (result, waiters) = state.withLock { state in
            guard let isEqual else {
                let result = body(&state.value)
                return (result, Self.advance(&state))
            }
            let old = state.value
            let result = body(&state.value)
            return (result, isEqual(old, state.value) ? [] : Self.advance(&state))
        }
        for waiter in waiters { waiter.resume() }
        return result
    }

    func finish() {
        let waiters = state.withLock { state in
            state.isFinished = true
            return Self.takeWaiters(&state)
        }
        for waiter in waiters { waiter.resume() }
    }

    private static func advance(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
        state.version += 1
        return takeWaiters(&state)
    }

    private static func takeWaiters(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
        defer { state.waiters.removeAll() }
        return Array(state.waiters.values)
    }

    func look(after seen: UInt64) -> StateLook<Value> {
        state.withLock { state in
            if state.version > seen { return .changed(state.value, version: state.version) }
            return state.isFinished ? .finished : .unchanged
        }
    }

    func change(after seen: UInt64) async {
        let waiter = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = state.withLock { state in
                    // A task is marked as cancelled before its handler runs: either that is seen here, or the handler
                    // finds the continuation.
                    guard state.version <= seen, !state.isFinished, !Task.isCancelled else { return false }
                    state.waiters[waiter] = continuation
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: waiter) }?.resume()
        }
    }
}

/// A state seen through a function. Computed when somebody looks: nothing runs in between, so there is nothing that
/// could be stopped.
final class DerivedSource<Base: StateSource, Value: Sendable>: StateSource {
    private let base: Base
    private let transform: @Sendable (Base.Value) -> Value
    let isEqual: (@Sendable (Value, Value) -> Bool)?

    init(
        _ base: Base, isEqual: (@Sendable (Value, Value) -> Bool)?,
        transform: @escaping @Sendable (Base.Value) -> Value
    ) {
        self.base = base
        self.transform = transform
        self.isEqual = isEqual
    }

    var value: Value { transform(base.value) }

    func look(after seen: UInt64) -> StateLook<Value> {
        switch base.look(after: seen) {
        case .changed(let value, let version): .changed(transform(value), version: version)
        case .unchanged: .unchanged
        case .finished: .finished
        }
    }

    func change(after seen: UInt64) async { await base.change(after: seen) }
}
