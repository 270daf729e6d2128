import Media
import Rooms
import Scopes
import Synchronization

/// What reaches the loop that takes a lost session up again.
enum ReconnectionEvent: Sendable {
    /// An attempt has brought the session back.
    case succeeded(step: Int)
    case plan(ReconnectionPlan.Event, reason: String? = nil)
}

/// Taking a lost session up again: first as it was (*fast*: both ids stay), then, where that does not help, as a new
/// session (*rejoin*: a new session id, the same unified id). The devices keep running.
///
/// ``ReconnectionPlan`` decides; here its decisions are carried out as children of the session's scope, so that a leave
/// ends them at any point. There is one loop a session; what is lost meanwhile is told to it.
extension Call {
    /// Tells the call that the machine's network has changed: an address, a route, an interface that came. A lost
    /// session tries again at once; one that holds is left alone. For applications that know it before the transport
    /// notices.
    public func networkChanged() {
        lifecycle.withLock { $0.session?.reconnection?.events }?.yield(.plan(.networkChanged))
    }

    /// The session's connection is lost.
    /// - `transport`: that was lost.
    func reconnect(_ session: CallLifecycle.Session, lost transport: any RoomSession, reason: String) {
        let (events, continuation) = AsyncStream.makeStream(of: ReconnectionEvent.self)
        let (decision, takenUp) = lifecycle.withLock { lifecycle in
            (
                lifecycle.lose(transport, generation: session.generation, events: continuation),
                lifecycle.session?.takenUp
            )
        }
        switch decision {
        case .ignore: break
        case .tell(let loop):
            trace("connection lost again", reason)
            loop.yield(.plan(.lostAgain, reason: reason))
        case .begin:
            show(.reconnecting, session)
            state.connectionQuality.set(.lost)
            trace("connection lost", reason)
            let hasRelapsed =
                takenUp.map { $0.kind == .fastReconnect && configuration.now() - $0.at < Self.relapse } ?? false
            _ = try? session.scope.launch("reconnection") { [weak self] in
                try await self?.runReconnection(
                    session, ReconnectionPlan(hasRelapsed: hasRelapsed), events, continuation, reason)
            }
        }
    }

    /// A fast reconnection that holds for less has not helped.
    private static let relapse = Duration.seconds(5)

    private func runReconnection(
        _ session: CallLifecycle.Session, _ plan: ReconnectionPlan, _ events: AsyncStream<ReconnectionEvent>,
        _ continuation: AsyncStream<ReconnectionEvent>.Continuation, _ reason: String
    ) async throws {
        var (plan, lastError) = (plan, reason)
        let limit = configuration.reconnectionTimeout
        let expiry = try limit > .zero ? timer(limit, session, .plan(.expired), continuation) : nil
        defer { expiry?.cancel() }
        var jobs = try carryOut(plan.begin(), session, continuation)
        for await event in events {
            var action: ReconnectionPlan.Action
            switch event {
            case .succeeded(let step):
                guard step == plan.step else { continue }
                for job in jobs { job.cancel() }
                let isWhole = lifecycle.withLock {
                    $0.finishReconnection(generation: session.generation, plan.kind, at: configuration.now())
                }
                guard !isWhole else { return finish(session, plan.kind) }
                action = plan.handle(.lostAgain)
            case .plan(let event, let reason):
                if let reason { lastError = reason }
                action = plan.handle(event)
            }
            switch action {
            case .nothing: continue
            case .giveUp: return fail(session, lastError)
            case .wait: trace("reconnection failed", lastError)
            case .attempt: break
            }
            for job in jobs { job.cancel() }
            jobs = try carryOut(action, session, continuation)
        }
    }

    private func finish(_ session: CallLifecycle.Session, _ kind: JoinRequest.Kind) {
        session.media.reconnections.wrappingAdd(1, ordering: .relaxed)
        trace("reconnected", kind.rawValue)
        show(.joined, session)
    }

    private func fail(_ session: CallLifecycle.Session, _ reason: String) {
        let failure = CallError(
            .reconnectionFailed, call: id.description, reason: "the connection did not come back: \(reason)",
            advice: "Check the network, then join again.")
        // Its own task: the end of the session waits for this one.
        Task { await self.endSession(session.generation, .failed(failure)) }
    }

    /// Starts what the plan asks for; returns the work that is to end with the step.
    private func carryOut(
        _ action: ReconnectionPlan.Action, _ session: CallLifecycle.Session,
        _ events: AsyncStream<ReconnectionEvent>.Continuation
    ) throws -> [ScopeJob] {
        switch action {
        case .attempt(let kind, let step):
            guard lifecycle.withLock({ $0.beginAttempt(generation: session.generation, step: step) }) else {
                throw CancellationError()
            }
            let attempt = try session.scope.launch("reconnection attempt") { [weak self] in
                do {
                    try await self?.takeUp(session, kind, step)
                    events.yield(.succeeded(step: step))
                } catch is CancellationError {
                    // Another step has begun, or the session is over.
                } catch {
                    let failure = ReconnectionPlan.Failure(error)
                    events.yield(.plan(.failed(failure, step: step), reason: "\(error)"))
                }
            }
            let limit = configuration.reconnectionAttemptTimeout
            return [
                attempt,
                try timer(
                    limit, session,
                    .plan(.failed(.timedOut, step: step), reason: "the service did not answer within \(limit)"), events),
            ]
        case .wait(let duration, let step):
            return [try timer(duration, session, .plan(.waitOver(step: step)), events)]
        case .giveUp, .nothing: return []
        }
    }

    private func timer(
        _ duration: Duration, _ session: CallLifecycle.Session, _ event: ReconnectionEvent,
        _ events: AsyncStream<ReconnectionEvent>.Continuation
    ) throws -> ScopeJob {
        let clock = configuration.clock
        return try session.scope.launch("reconnection timer") {
            try await clock.sleep(for: duration)
            events.yield(event)
        }
    }

    private func takeUp(_ session: CallLifecycle.Session, _ kind: JoinRequest.Kind, _ step: Int) async throws {
        let (media, old) = (session.media, session.media.sessionID)
        let next = kind == .rejoin ? SessionID(configuration.makeID()) : old
        let request = JoinRequest(
            call: id, user: user, kind: kind, sessionID: next, unifiedSessionID: state.unifiedSessionID.value,
            replaces: kind == .rejoin ? old : nil, keepsTransport: configuration.standby == .warm)
        let transport = try await askService(request, session)
        let lost = media.link.transport
        let isTaken = lifecycle.withLock { lifecycle in
            // Together, so that of two attempts at once the later one's transport is the one that stays.
            guard lifecycle.install(transport, generation: session.generation, step: step) else { return false }
            media.link.set(transport, next)
            state.sessionID.set(next)
            state.begin(transport.info, own: next)
            return true
        }
        guard isTaken else {
            // A late answer. A session id that later attempts may use is not taken leave of.
            if kind == .rejoin || !session.scope.isCurrent { try? await transport.leave() }
            await transport.close()
            throw CancellationError()
        }
        if let lost { try session.scope.launch("close lost transport") { await lost.close() } }
        media.keepTracks(of: transport.info.participants)
        media.addTracks(of: transport.info.participants)
        try follow(transport, session)
        try await media.link.announceAll()
        // Whoever receives the tracks anew has no picture to begin with.
        for kind in TrackKind.allCases { media.requestKeyframe(of: kind) }
    }
}
