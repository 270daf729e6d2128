public import Scopes

/// Runs devices for a call.
///
/// A media manager never stores a scope: a stored one would be the scope of a session that has ended, and nothing can
/// be started in it. It holds the call that owns it, and reads the call's scope at the moment it starts work.
public protocol MediaManager: AnyObject, Sendable {
    /// The call that owns this manager. Using a manager after its call is gone is a programming error and traps.
    var call: Call { get }

    /// Where the devices stand.
    var status: DeviceStatus { get }

    /// Forgets all that was set and chosen, closes the devices, and returns their status to ``DeviceStatus/notSelected``,
    /// so that the next join sets them up anew. Work that was begun before cannot undo it. Idempotent; from any state. It
    /// waits for a driver that hangs no longer than ``CallConfiguration/cleanupTimeout``; the closing then goes on.
    func reset() async
}

extension MediaManager {
    /// The scope of the session that is on, nil in between: computed from the call at every use.
    public var scope: ScopeHandle? { call.scope }
}
