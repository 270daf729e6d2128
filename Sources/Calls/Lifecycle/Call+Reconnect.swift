import Media
import Rooms
import Scopes
import Synchronization

extension Call {
    /// Takes a lost session up again: first as it was (*fast*: both ids stay), then, where the service has forgotten it,
    /// as a new session (*rejoin*: a new session id, the same unified id). The devices keep running.
    ///
    /// One loop a session; a leave ends it at any point.
    func reconnect(_ session: CallLifecycle.Session, reason: String) {
        guard lifecycle.withLock({ $0.beginReconnection(generation: session.generation) }) else { return }
        show(.reconnecting, session)
        trace("connection lost", reason)
        _ = try? session.scope.launch("reconnection") { [weak self] in
            try await self?.runReconnection(session, reason: reason)
        }
    }

    private func runReconnection(_ session: CallLifecycle.Session, reason: String) async throws {
        let clock = configuration.clock
        let beganAt = configuration.now()
        let limit = configuration.reconnectionTimeout
        var kind = JoinRequest.Kind.fastReconnect
        var wait = Duration.milliseconds(250)
        var lastError = reason
        while limit == .zero || configuration.now() - beganAt < limit {
            try Task.checkCancellation()
            do {
                return try await takeUp(session, kind)
            } catch let error as ServiceError where error.code == .sessionLost || error.code == .sessionEnded {
                // The service does not know the session any more: only a new one helps, at once.
                if kind == .fastReconnect {
                    kind = .rejoin
                    continue
                }
                lastError = "\(error)"
            } catch let error as CancellationError {
                throw error
            } catch {
                lastError = "\(error)"
            }
            trace("reconnection failed", lastError)
            try await clock.sleep(for: wait)
            wait = min(wait * 2, .seconds(4))
        }
        let failure = CallError(
            .reconnectionFailed, call: id.description, reason: "not reconnected within \(limit): \(lastError)",
            advice: "Check the network, then join again.")
        // Its own task: the end of the session waits for this one.
        Task { await self.endSession(session.generation, .failed(failure)) }
    }

    private func takeUp(_ session: CallLifecycle.Session, _ kind: JoinRequest.Kind) async throws {
        let old = session.media.sessionID
        let next = kind == .rejoin ? SessionID(configuration.makeID()) : old
        let request = JoinRequest(
            call: id, user: user, kind: kind, sessionID: next, unifiedSessionID: state.unifiedSessionID.value,
            replaces: kind == .rejoin ? old : nil)
        let lost = session.media.link.transport
        let transport = try await openTransport(request, session)
        await lost?.close()
        session.media.link.set(transport, next)
        state.sessionID.set(next)
        state.begin(transport.info, own: next)
        try await session.media.link.announceAll()
        session.media.addTracks(of: transport.info.participants)
        try follow(transport, session)
        trace("reconnected", kind.rawValue)
        show(.joined, session)
    }
}
