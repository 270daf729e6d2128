/// What a child of a scope ended with, where it neither returned nor was cancelled.
public struct ScopeFailure: Sendable, CustomStringConvertible {
    /// The scope's name.
    public let scope: String
    /// The name the child was launched with.
    public let child: String
    /// The generation the child belonged to; 0 for a ``Scope``.
    public let generation: Int
    /// Never a `CancellationError`.
    public let error: any Error

    public var description: String { "\(scope)[\(generation)]/\(child): \(error)" }
}
