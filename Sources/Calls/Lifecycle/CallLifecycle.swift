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
        /// Not nil from the loss of the connection until it was taken up again.
        var reconnection: Reconnection?
        /// When the connection was taken up again last, and how.
        var takenUp: (at: MonotonicInstant, kind: JoinRequest.Kind)?
    }

    /// The loop that takes a lost session up again: one a session, whatever is lost meanwhile.
    struct Reconnection {
        /// The transport that was lost last. What else it has to say of its loss is no news.
        var lost: any RoomSession
        /// The attempt that may bring a transport.
        var step = 0
        let events: AsyncStream<ReconnectionEvent>.Continuation
    }

    /// What the loss of a connection comes to.
    enum LossDecision {
        /// The session is over, or it is no loss of the session's present transport.
        case ignore
        /// Begin to reconnect.
        case begin
        /// The loop that runs is to know.
        case tell(AsyncStream<ReconnectionEvent>.Continuation)
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
        return true
    }

    /// Takes the service's answer for an attempt to reconnect.
    /// - Returns: false where the session has ended or another attempt has begun meanwhile; the answer must be undone.
    mutating func install(_ transport: any RoomSession, generation: Int, step: Int) -> Bool {
        guard isOn(generation), session?.reconnection?.step == step else { return false }
        session?.transport = transport
        return true
    }

    /// A connection was lost.
    /// - `transport`: that tells it; nil where somebody else does.
    /// - `events`: of the loop that begins.
    mutating func lose(
        _ transport: (any RoomSession)?, generation: Int, events: AsyncStream<ReconnectionEvent>.Continuation
    ) -> LossDecision {
        guard isOn(generation), let current = session?.transport else { return .ignore }
        if let transport, transport !== current { return .ignore }
        guard let reconnection = session?.reconnection else {
            session?.reconnection = Reconnection(lost: current, events: events)
            return .begin
        }
        guard transport != nil else { return .tell(reconnection.events) }
        guard reconnection.lost !== current else { return .ignore }
        session?.reconnection?.lost = current
        return .tell(reconnection.events)
    }

    /// An attempt to reconnect begins: answers to those before it are refused from here on.
    mutating func beginAttempt(generation: Int, step: Int) -> Bool {
        guard isOn(generation), session?.reconnection != nil else { return false }
        session?.reconnection?.step = step
        return true
    }

    /// The session is whole again.
    /// - Returns: false where its new transport was lost meanwhile: the loop goes on.
    mutating func finishReconnection(generation: Int, _ kind: JoinRequest.Kind, at now: MonotonicInstant) -> Bool {
        guard isOn(generation), let reconnection = session?.reconnection else { return true }
        if let transport = session?.transport, transport === reconnection.lost { return false }
        session?.reconnection = nil
        session?.takenUp = (now, kind)
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
