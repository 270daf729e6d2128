/// Why a scope refused to start work.
///
/// The text names the scope and the way out:
/// `session: generation 3 was cancelled (current: 4). Read the scope's current handle at the moment work starts.`
public struct ScopeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of refusal. New codes may be added: switch with a `default`.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private let name: String
        public var description: String { name }

        /// A ``Scope`` was cancelled, which is for ever.
        public static let cancelled = Code(name: "cancelled")
        /// A handle of a generation that was cancelled was used.
        public static let staleGeneration = Code(name: "staleGeneration")
    }

    public var code: Code
    /// The scope's name, empty where it was given none.
    public var scope: String
    /// The generation that was asked to work; 0 for a ``Scope``.
    public var generation: Int
    /// The scope's newest generation at the refusal; 0 for a ``Scope``.
    public var current: Int

    public static func cancelled(scope: String) -> ScopeError {
        ScopeError(code: .cancelled, scope: scope, generation: 0, current: 0)
    }

    public static func staleGeneration(scope: String, generation: Int, current: Int) -> ScopeError {
        ScopeError(code: .staleGeneration, scope: scope, generation: generation, current: current)
    }

    public var description: String {
        let name = scope.isEmpty ? "unnamed scope" : scope
        if code == .staleGeneration {
            return "\(name): generation \(generation) was cancelled (current: \(current)). "
                + "Read the scope's current handle at the moment work starts."
        }
        return "\(name): the scope was cancelled. Make a new one, or use a ReusableScope."
    }
}
