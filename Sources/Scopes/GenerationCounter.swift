import Synchronization

/// The generations of a ``ReusableScope``: which one is alive, and which old ones still have children that end.
///
/// Locks: its own first, then a core's. No cancellation handler runs under either.
final class GenerationCounter: Sendable {
    private struct State {
        var generation = 0
        var alive: ScopeCore?
        /// Cancelled generations, kept until a later change finds them without children.
        var past: [ScopeCore] = []
    }

    let name: String
    private let onFailure: @Sendable (ScopeFailure) -> Void
    private let state = Mutex(State())

    init(name: String, onFailure: @escaping @Sendable (ScopeFailure) -> Void) {
        self.name = name
        self.onFailure = onFailure
    }

    var generation: Int { state.withLock { $0.generation } }
    var alive: ScopeCore? { state.withLock { $0.alive } }
    var childCount: Int { cores.reduce(0) { $0 + $1.childCount } }

    private var cores: [ScopeCore] { state.withLock { $0.past + [$0.alive].compactMap(\.self) } }

    func renew() -> ScopeCore { state.withLock { renew(&$0) } }

    private func renew(_ state: inout State) -> ScopeCore {
        if let alive = state.alive { return alive }
        state.generation += 1
        state.past.removeAll { $0.childCount == 0 }
        let core = ScopeCore(name: name, generation: state.generation, onFailure: onFailure)
        state.alive = core
        return core
    }

    /// Starts a child in the living generation, or in a new one.
    func launch(_ name: String, priority: TaskPriority?, _ operation: JobOperation) -> ScopeJob {
        state.withLock { state in
            guard let job = renew(&state).launch(name, priority: priority, operation) else {
                preconditionFailure("a living generation is closed only together with its end")
            }
            return job
        }
    }

    /// Ends the living generation; without one, does nothing new.
    /// - Returns: the children of all generations that have not ended, cancelled.
    @discardableResult
    func cancel() -> [ScopeJob] {
        let cores = state.withLock { state in
            if let core = state.alive {
                // Together with `alive`, so that nobody who has seen the next generation can launch in this one.
                core.close()
                state.alive = nil
                state.past.append(core)
            }
            state.past.removeAll { $0.childCount == 0 }
            return state.past
        }
        return Self.cancelChildren(of: cores)
    }

    /// Cancels the children of all generations; the living one stays usable.
    @discardableResult
    func cancelChildren() -> [ScopeJob] { Self.cancelChildren(of: cores) }

    private static func cancelChildren(of cores: [ScopeCore]) -> [ScopeJob] {
        let children = cores.flatMap(\.children)
        for child in children { child.cancel() }
        return children
    }
}
