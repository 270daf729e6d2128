/// A scope that starts a new generation when it is used again after a cancel: for what is attached and detached, joined
/// and left, without end.
///
/// A generation lives from the first use to the next cancel. ``launch(_:priority:_:)`` begins one where none is alive.
/// Work that must belong to the generation it was prepared in goes through a ``ScopeHandle``, which refuses once its
/// generation was cancelled: reuse never revives a zombie. ``cancelAndWait()`` waits for *all* generations, also those
/// that were cancelled before without waiting.
///
/// Supervision, failures, waiting and threads are as in ``Scope``. A scope that nobody refers to any more cancels its
/// children.
public final class ReusableScope: Sendable {
    private let counter: GenerationCounter

    /// - `name`: appears in failures, errors and task names.
    /// - `onFailure`: called on the failed child's task, before the child counts as ended.
    public init(_ name: String = "", onFailure: @escaping @Sendable (ScopeFailure) -> Void = { _ in }) {
        counter = GenerationCounter(name: name, onFailure: onFailure)
    }

    deinit { counter.cancel() }

    /// A reusable scope whose operations run on the main actor, for view-models and presenters.
    public static func main(
        _ name: String = "", onFailure: @escaping @Sendable (ScopeFailure) -> Void = { _ in }
    ) -> MainReusableScope {
        MainReusableScope(name, onFailure: onFailure)
    }

    public var name: String { counter.name }

    /// The newest generation's number: 0 before the first use.
    public var generation: Int { counter.generation }

    /// Children whose operation has not ended, old generations' included.
    public var childCount: Int { counter.childCount }

    /// The living generation, or nil where the scope is cancelled or was never used.
    public var current: ScopeHandle? { counter.alive.map { ScopeHandle(counter: counter, core: $0) } }

    /// The living generation; begins one where there is none.
    @discardableResult
    public func renew() -> ScopeHandle { ScopeHandle(counter: counter, core: counter.renew()) }

    /// Starts a child in the living generation, beginning one where there is none. Returns before the operation runs;
    /// a child cancelled before its first step takes none.
    @discardableResult
    public func launch(
        _ name: String = "", priority: TaskPriority? = nil, _ operation: @escaping @Sendable () async throws -> Void
    ) -> ScopeJob {
        launch(name, priority: priority, .anywhere(operation))
    }

    func launch(_ name: String, priority: TaskPriority?, _ operation: JobOperation) -> ScopeJob {
        counter.launch(name, priority: priority, operation)
    }

    /// Cancels all children and ends the generation; the next use begins another.
    public func cancel() { counter.cancel() }

    /// Cancels as ``cancel()`` does, and returns when no operation of this or an older generation runs any more.
    ///
    /// A generation begun meanwhile is neither cancelled nor waited for. What ``Scope/cancelAndWait()`` says of
    /// children that call it, and of cancellation, holds here too.
    public func cancelAndWait() async { await JobWaits.wait(for: counter.cancel()) }

    /// Cancels the children there are; the generation goes on.
    public func cancelChildren() { counter.cancelChildren() }

    /// Cancels the children there are, and returns when their operations have ended.
    public func cancelChildrenAndWait() async { await JobWaits.wait(for: counter.cancelChildren()) }
}

/// One generation of a ``ReusableScope``.
public struct ScopeHandle: Sendable {
    let counter: GenerationCounter
    let core: ScopeCore

    public var generation: Int { core.generation }

    /// Whether this generation is alive. Another thread may cancel it the moment after; ``launch(_:priority:_:)``
    /// decides.
    public var isCurrent: Bool { !core.isCancelled }

    /// Children of this generation whose operation has not ended.
    public var childCount: Int { core.childCount }

    /// Starts a child in this generation.
    /// - Throws: `.staleGeneration` once this generation was cancelled, whether or not another has begun.
    @discardableResult
    public func launch(
        _ name: String = "", priority: TaskPriority? = nil, _ operation: @escaping @Sendable () async throws -> Void
    ) throws(ScopeError) -> ScopeJob {
        try launch(name, priority, .anywhere(operation))
    }

    func launch(
        _ name: String, _ priority: TaskPriority?, _ operation: JobOperation
    ) throws(ScopeError) -> ScopeJob {
        guard let job = core.launch(name, priority: priority, operation) else {
            throw .staleGeneration(scope: core.name, generation: generation, current: counter.generation)
        }
        return job
    }

    /// Cancels this generation's children; it goes on.
    public func cancelChildren() { core.cancelChildren() }

    /// Cancels this generation's children, and returns when their operations have ended.
    public func cancelChildrenAndWait() async {
        let children = core.children
        for child in children { child.cancel() }
        await JobWaits.wait(for: children)
    }
}
