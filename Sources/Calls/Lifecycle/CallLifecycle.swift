import Media
import Rooms
import Scopes

/// The order of joins and leaves of one call: what is on, what is being cleaned up, and whose turn it is.
///
/// A value without actions: `Call` asks under its one lock what to do and does it outside. Every session has a
/// generation; an answer that comes for an old generation is refused.
///
///     idle ──join──▶ on(joining) ──installed──▶ on(joined) ──leave, failure──▶ cleaning up ──finished──▶ idle
struct CallLifecycle {
    /// What one session is known by.
    struct Session {
        let generation: Int
        /// A joined call lives until it is left, also where nobody else holds it: its work and its devices need it.
        let call: Call
        let attempt: JoinAttempt
        let scope: ScopeHandle
        let media: SessionMedia
        /// Set by the service's answer; replaced by a reconnection.
        var transport: (any RoomSession)?
        var isReconnecting = false
    }

    /// Where the next join stands.
    enum JoinDecision {
        /// Do the join.
        case begin(JoinAttempt)
        /// A join is on its way or has succeeded: share its result.
        case share(JoinAttempt)
        /// A session is being cleaned up: wait, then ask again.
        case wait(Completion)
    }

    /// Where the next leave stands.
    enum EndDecision {
        /// There is nothing to leave.
        case nothing
        /// Clean the session up.
        case begin(Session, Completion)
        /// Somebody does already.
        case wait(Completion)
    }

    private(set) var generation = 0
    private(set) var session: Session?
    /// Not nil from the moment a session ends until its cleanup and reset are over: cleared last.
    private(set) var cleanup: Completion?

    /// Whether a session is on and nobody ends it.
    func isOn(_ generation: Int) -> Bool { cleanup == nil && session?.generation == generation }

    /// - `make`: makes the session of a new generation; called under the lock.
    mutating func join(_ make: (_ generation: Int) throws -> Session) rethrows -> JoinDecision {
        if let cleanup { return .wait(cleanup) }
        if let session { return .share(session.attempt) }
        let session = try make(generation + 1)
        generation += 1
        self.session = session
        return .begin(session.attempt)
    }

    /// Takes the service's answer for a generation.
    /// - Returns: false where that session has ended meanwhile; the answer must then be undone.
    mutating func install(_ transport: any RoomSession, generation: Int) -> Bool {
        guard isOn(generation) else { return false }
        session?.transport = transport
        session?.isReconnecting = false
        return true
    }

    /// Begins a reconnection; false where one runs already or the session is over.
    mutating func beginReconnection(generation: Int) -> Bool {
        guard isOn(generation), session?.transport != nil, session?.isReconnecting == false else { return false }
        session?.isReconnecting = true
        return true
    }

    /// Ends the session that is on.
    /// - `generation`: only if it is this one; nil for whichever is on.
    mutating func end(generation: Int? = nil) -> EndDecision {
        if let cleanup { return .wait(cleanup) }
        guard let session, generation == nil || session.generation == generation else { return .nothing }
        let completion = Completion()
        cleanup = completion
        return .begin(session, completion)
    }

    /// The cleanup and the reset are over.
    mutating func finishCleanup() {
        session = nil
        cleanup = nil
    }
}
