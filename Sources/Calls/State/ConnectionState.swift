/// Where a call stands between two joins.
public enum ConnectionState: Sendable, Equatable {
    /// Not in the call.
    case idle
    case joining
    case joined
    /// The transport was lost and is being taken up again; the devices keep running.
    case reconnecting
    /// The last session is being cleaned up; a join waits for it.
    case leaving
    /// The last join or session ended with this error. A join works from here as from `idle`.
    case failed(CallError)
}
