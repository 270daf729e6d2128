import Media
import Rooms
import Scopes
import Synchronization

/// Why a session is over.
enum SessionEnd: Sendable {
    case left
    case failed(CallError)
}

extension Call {
    /// Leaves the call: returns when the session is cleaned up, the devices are closed (or warm) and the call can be
    /// joined again, or after ``CallConfiguration/cleanupTimeout`` with the cleanup going on.
    ///
    /// From any state and any task, any number of times: a session is left once. A join under way ends with
    /// `CancellationError`, and leaves nothing open. Not cut short by cancellation.
    public func leave() async { await endSession(nil, .left) }

    /// Leaves only where the session that is on came of this join.
    func leave(ifJoinIs attempt: JoinAttempt) async {
        let generation = lifecycle.withLock { $0.session?.attempt === attempt ? $0.session?.generation : nil }
        if let generation { await endSession(generation, .left) }
    }

    /// Ends a session and waits for its cleanup.
    /// - `generation`: only if it is this one; nil for whichever is on.
    func endSession(_ generation: Int?, _ end: SessionEnd) async {
        switch lifecycle.withLock({ $0.end(generation: generation) }) {
        case .nothing: return
        case .begin(let session, let completion):
            // Its own task: neither the caller's cancellation nor that of the session's scope cuts the cleanup short.
            Task { await self.cleanUp(session, end, completion) }
            await waitForEnd(completion)
        case .wait(let completion): await waitForEnd(completion)
        }
    }

    /// The transport of the session that is being ended.
    private var openTransport: (any RoomSession)? { lifecycle.withLock { $0.session?.transport } }

    private func waitForEnd(_ completion: Completion) async {
        _ = await completion.wait(
            atMost: configuration.cleanupTimeout, clock: configuration.clock, isCancellable: false)
    }

    /// The order of leave: final statistics, leave message, scope cancelled and waited for, transport closed, devices
    /// closed, reset. The marker that joins read is cleared last, under the lock they read it under.
    private func cleanUp(_ session: CallLifecycle.Session, _ end: SessionEnd, _ completion: Completion) async {
        state.connection.set(.leaving)
        trace("leave", "\(end)")
        let beganAt = configuration.now()
        session.attempt.cancelWork()
        if case .left = end { session.attempt.resolve(.failure(CancellationError())) }
        let statistics = statistics(of: session)
        if let transport = openTransport { await sendLeaveMessage(transport) }
        await sessions.cancelAndWait()
        await session.attempt.workEnded.wait()
        await openTransport?.close()
        await media.stop(configuration.standby)
        trace("devices closed", configuration.standby.rawValue)
        await reset(after: session, end, statistics, leaveBeganAt: beganAt)
        lifecycle.withLock { $0.finishCleanup() }
        completion.complete()
    }

    /// The leave message counts only while somebody can take it; a service that does not answer holds nobody up.
    private func sendLeaveMessage(_ transport: any RoomSession) async {
        let sent = Completion()
        let sending = Task { [weak self] in
            do { try await transport.leave() } catch {
                self?.trace("leave message failed", "\(error)")
            }
            sent.complete()
        }
        let limit = configuration.leaveMessageTimeout
        if await sent.wait(atMost: limit, clock: configuration.clock, isCancellable: false) == .timedOut {
            sending.cancel()
            trace("leave message timed out", "\(limit)")
        }
    }

    private func reset(
        after session: CallLifecycle.Session, _ end: SessionEnd, _ statistics: CallStatistics,
        leaveBeganAt: MonotonicInstant
    ) async {
        let report = SessionReport(
            generation: session.generation, sessionID: session.media.sessionID,
            unifiedSessionID: state.unifiedSessionID.value, statistics: statistics, errors: state.errors.value,
            leaveDuration: configuration.now() - leaveBeganAt, trace: tracer.take())
        await media.reset(keeping: configuration.standby)
        state.reset(
            sessionID: SessionID(configuration.makeID()), unifiedSessionID: SessionID(configuration.makeID()))
        state.lastSession.set(report)
        switch end {
        case .left: state.connection.set(.idle)
        case .failed(let error): state.connection.set(.failed(error))
        }
    }
}
