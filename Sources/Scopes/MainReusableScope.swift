/// A ``ReusableScope`` whose operations run on the main actor: made by ``ReusableScope/main(_:onFailure:)``.
///
/// Children start in the order of their launches. Everything else is as in ``ReusableScope``; it may be called from
/// any thread.
public final class MainReusableScope: Sendable {
    private let scope: ReusableScope

    init(_ name: String, onFailure: @escaping @Sendable (ScopeFailure) -> Void) {
        scope = ReusableScope(name, onFailure: onFailure)
    }

    public var name: String { scope.name }

    /// The newest generation's number: 0 before the first use.
    public var generation: Int { scope.generation }

    /// Children whose operation has not ended, old generations' included.
    public var childCount: Int { scope.childCount }

    /// The living generation, or nil where the scope is cancelled or was never used.
    public var current: MainScopeHandle? { scope.current.map { MainScopeHandle(handle: $0) } }

    /// The living generation; begins one where there is none.
    @discardableResult
    public func renew() -> MainScopeHandle { MainScopeHandle(handle: scope.renew()) }

    /// Starts a child on the main actor, in the living generation or a new one. Returns before the operation runs.
    @discardableResult
    public func launch(
        _ name: String = "", priority: TaskPriority? = nil,
        _ operation: @escaping @MainActor @Sendable () async throws -> Void
    ) -> ScopeJob {
        scope.launch(name, priority: priority, .main(operation))
    }

    /// See ``ReusableScope/cancel()``.
    public func cancel() { scope.cancel() }

    /// See ``ReusableScope/cancelAndWait()``. Called on the main actor, it lets the children there end.
    public func cancelAndWait() async { await scope.cancelAndWait() }

    /// See ``ReusableScope/cancelChildren()``.
    public func cancelChildren() { scope.cancelChildren() }

    /// See ``ReusableScope/cancelChildrenAndWait()``.
    public func cancelChildrenAndWait() async { await scope.cancelChildrenAndWait() }
}

/// One generation of a ``MainReusableScope``.
public struct MainScopeHandle: Sendable {
    let handle: ScopeHandle

    public var generation: Int { handle.generation }

    /// See ``ScopeHandle/isCurrent``.
    public var isCurrent: Bool { handle.isCurrent }

    /// Children of this generation whose operation has not ended.
    public var childCount: Int { handle.childCount }

    /// Starts a child on the main actor in this generation.
    /// - Throws: `.staleGeneration` once this generation was cancelled.
    @discardableResult
    public func launch(
        _ name: String = "", priority: TaskPriority? = nil,
        _ operation: @escaping @MainActor @Sendable () async throws -> Void
    ) throws(ScopeError) -> ScopeJob {
        try handle.launch(name, priority, .main(operation))
    }

    /// See ``ScopeHandle/cancelChildren()``.
    public func cancelChildren() { handle.cancelChildren() }

    /// See ``ScopeHandle/cancelChildrenAndWait()``.
    public func cancelChildrenAndWait() async { await handle.cancelChildrenAndWait() }
}
