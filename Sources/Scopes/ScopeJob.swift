/// One child of a scope: what ``Scope/launch(_:priority:_:)`` returns.
public struct ScopeJob: Sendable {
    let record: JobRecord
    let task: Task<Void, Never>

    /// The name it was launched with.
    public var name: String { record.name }

    /// Whether its operation has not ended yet.
    public var isActive: Bool { record.isActive }

    /// Cancels this child alone.
    public func cancel() { task.cancel() }

    /// Returns when the operation has ended. Not cut short by cancellation of the caller.
    ///
    /// Returns at once where waiting would never end: called from inside this very job, or while this job waits
    /// (by ``wait()`` or a scope's `…AndWait`) for the job the call is made from.
    public func wait() async { await JobWaits.wait(for: [self]) }
}
