/// Owns child tasks: a supervisor that knows who is running, ends them together, and is not ended by them.
///
/// - A child that throws ends alone and is reported to `onFailure`; the others go on. `CancellationError` is the
///   ordinary end of a cancelled child and is not reported.
/// - ``cancel()`` is for ever. For a life of attaching and detaching use ``ReusableScope``.
/// - A scope that nobody refers to any more cancels its children.
/// - Thread: everything may be called from anywhere, children included.
public final class Scope: Sendable {
    private let core: ScopeCore

    /// - `name`: appears in failures, errors and task names.
    /// - `onFailure`: called on the failed child's task, before the child counts as ended.
    public init(_ name: String = "", onFailure: @escaping @Sendable (ScopeFailure) -> Void = { _ in }) {
        core = ScopeCore(name: name, generation: 0, onFailure: onFailure)
    }

    deinit { cancel() }

    public var name: String { core.name }
    public var isCancelled: Bool { core.isCancelled }

    /// Children whose operation has not ended.
    public var childCount: Int { core.childCount }

    /// Starts a child and returns before its operation runs. A child cancelled before its first step takes none.
    /// - Throws: `.cancelled` after ``cancel()``.
    @discardableResult
    public func launch(
        _ name: String = "", priority: TaskPriority? = nil, _ operation: @escaping @Sendable () async throws -> Void
    ) throws(ScopeError) -> ScopeJob {
        guard let job = core.launch(name, priority: priority, .anywhere(operation)) else {
            throw .cancelled(scope: self.name)
        }
        return job
    }

    /// Cancels all children and refuses new ones, for ever.
    public func cancel() {
        core.close()
        core.cancelChildren()
    }

    /// Cancels as ``cancel()`` does, and returns when every child's operation has ended.
    ///
    /// Not cut short by cancellation of the caller. A child may call this on its own scope, directly or from a task it
    /// started: it waits for all others but not for itself, nor for a child that is itself waiting for it (by
    /// ``ScopeJob/wait()`` or another `…AndWait`). A child that waits for the caller by other means is not known here.
    public func cancelAndWait() async {
        cancel()
        await JobWaits.wait(for: core.children)
    }

    /// Cancels the children there are; new ones may be launched.
    public func cancelChildren() { core.cancelChildren() }

    /// Cancels the children there are, and returns when their operations have ended. See ``cancelAndWait()``.
    public func cancelChildrenAndWait() async {
        let children = core.children
        for child in children { child.cancel() }
        await JobWaits.wait(for: children)
    }
}
