/// A value that changes, and the sequence of its values for any number of observers.
///
/// An observer (`for await value in flow`) is given the current value first, then the latest after each change: one
/// that is slower than the changes skips what lies between, and never misses the last. Where `Value` is `Equatable`, a
/// change to an equal value is none, and no observer is given two equal values in a row.
///
/// The sequence ends when the observer's own task is cancelled, or when nobody refers to the flow any more (after the
/// last value was given); nothing else ends it. Observing does not keep the flow alive.
/// - Thread: any.
public final class StateFlow<Value: Sendable>: Sendable, AsyncSequence {
    public typealias Element = Value
    public typealias Failure = Never
    public typealias AsyncIterator = StateFlowIterator<Value>

    let storage: StateStorage<Value>

    /// A flow that tells every change.
    public init(_ value: Value) { storage = StateStorage(value, isEqual: nil) }

    /// A flow that tells changes to other values only.
    public init(_ value: Value) where Value: Equatable { storage = StateStorage(value, isEqual: { $0 == $1 }) }

    deinit { storage.finish() }

    /// The current value.
    public var value: Value { storage.value }

    public func set(_ value: Value) { storage.set(value) }

    /// Changes the value atomically and returns what `body` does.
    /// - `body`: runs under the flow's lock: it must be short and must not touch the flow.
    @discardableResult
    public func update<Result: Sendable>(_ body: (inout Value) -> Result) -> Result { storage.update(body) }

    public func makeAsyncIterator() -> StateFlowIterator<Value> { StateFlowIterator(storage) }

    /// This flow seen through a function. It needs no task, and ends with this flow.
    /// - `transform`: pure and short; called for every look of every observer, on its task.
    public func map<Mapped: Sendable>(_ transform: @escaping @Sendable (Value) -> Mapped) -> DerivedStateFlow<Mapped> {
        DerivedStateFlow(source: DerivedSource(storage, isEqual: nil, transform: transform))
    }

    /// This flow seen through a function, without equal values in a row.
    public func map<Mapped: Sendable & Equatable>(
        _ transform: @escaping @Sendable (Value) -> Mapped
    ) -> DerivedStateFlow<Mapped> {
        DerivedStateFlow(source: DerivedSource(storage, isEqual: { $0 == $1 }, transform: transform))
    }
}

/// A read-only view of a ``StateFlow`` through a function: made by `map`, ends with the flow it was made from.
public struct DerivedStateFlow<Value: Sendable>: Sendable, AsyncSequence {
    public typealias Element = Value
    public typealias Failure = Never
    public typealias AsyncIterator = StateFlowIterator<Value>

    let source: any StateSource<Value>

    /// The current value.
    public var value: Value { source.value }

    public func makeAsyncIterator() -> StateFlowIterator<Value> { StateFlowIterator(source) }

    /// See ``StateFlow/map(_:)``.
    public func map<Mapped: Sendable>(_ transform: @escaping @Sendable (Value) -> Mapped) -> DerivedStateFlow<Mapped> {
        DerivedStateFlow<Mapped>(source: Self.derive(source, isEqual: nil, transform))
    }

    /// See ``StateFlow/map(_:)``.
    public func map<Mapped: Sendable & Equatable>(
        _ transform: @escaping @Sendable (Value) -> Mapped
    ) -> DerivedStateFlow<Mapped> {
        DerivedStateFlow<Mapped>(source: Self.derive(source, isEqual: { $0 == $1 }, transform))
    }

    private static func derive<Base: StateSource<Value>, Mapped: Sendable>(
        _ base: Base, isEqual: (@Sendable (Mapped, Mapped) -> Bool)?, _ transform: @escaping @Sendable (Value) -> Mapped
    ) -> any StateSource<Mapped> {
        DerivedSource(base, isEqual: isEqual, transform: transform)
    }
}

/// One observer's place in the values of a ``StateFlow``.
public struct StateFlowIterator<Value: Sendable>: AsyncIteratorProtocol {
    private let source: any StateSource<Value>
    private var seen: UInt64 = 0
    private var last: Value?

    init(_ source: any StateSource<Value>) { self.source = source }

    /// The next value, or nil once the task is cancelled or the flow is gone.
    public mutating func next() async -> Value? { await next(isolation: #isolation) }

    public mutating func next(isolation actor: isolated (any Actor)?) async -> Value? {
        while !Task.isCancelled {
            switch source.look(after: seen) {
            case .changed(let value, let version):
                seen = version
                // Changes may have come back to the value given last.
                if let isEqual = source.isEqual {
                    if let last, isEqual(last, value) { continue }
                    last = value
                }
                return value
            case .unchanged: await source.change(after: seen)
            case .finished: return nil
            }
        }
        return nil
    }
}
