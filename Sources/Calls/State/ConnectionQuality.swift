/// How well a session is connected.
public enum ConnectionQuality: String, Sendable, Hashable, CaseIterable {
    /// Not measured yet, or not in the call.
    case unknown
    /// Nothing comes through.
    case lost
    /// Speech suffers: words are missing, or people talk over each other.
    case poor
    /// Some of it can be noticed.
    case good
    /// As good as being there.
    case excellent
}
