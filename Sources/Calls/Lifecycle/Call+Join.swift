import Media
import Rooms
import Scopes
import Synchronization

extension Call {
    /// Joins the call, for the first time or again. The devices that should run start while it returns.
    ///
    /// - While joined or joining: shares that join's result and disturbs nothing.
    /// - While leaving: waits for the cleanup, at most ``CallConfiguration/cleanupTimeout``.
    /// - A leave meanwhile ends it with `CancellationError`. Cancelling the task ends it for this caller, and the join
    ///   itself where nobody else waits for it.
    /// - Throws: `CallError.cleanupTimeout`, `CallError.joinFailed` with the service's reason, `CancellationError`.
    ///   After any of them `join()` may be called again.
    public func join() async throws {
        let requestedAt = configuration.now()
        while true {
            try Task.checkCancellation()
            let decision = try lifecycle.withLock { lifecycle in
                try lifecycle.join { try self.makeSession($0, requestedAt: requestedAt) }
            }
            switch decision {
            case .begin(let attempt):
                // On this thread as far as it gets without waiting: another one would have to be woken.
                attempt.start(Task.immediate { await self.carryOut(attempt) })
                return try await attempt.value(abandoned: abandon(attempt))
            case .share(let attempt):
                return try await attempt.value(abandoned: abandon(attempt))
            case .wait(let cleanup):
                try await waitForCleanup(cleanup)
            }
        }
    }

    /// Under the lifecycle's lock: what a new generation is made of.
    private func makeSession(_ generation: Int, requestedAt: MonotonicInstant) throws -> CallLifecycle.Session {
        // What wakes threads cannot do without its descriptor: the lack is told while it can be.
        do throws(DeviceError) { try DescriptorRoom.check("join", id.description, DescriptorRoom.session) } catch {
            throw CallError(
                .joinFailed, call: id.description, reason: "join failed: \(error.reason)", advice: error.advice)
        }
        let attempt = JoinAttempt()
        let scope = sessions.renew()
        let media = try SessionMedia(
            generation: generation, sessionID: state.sessionID.value, requestedAt: requestedAt,
            configuration: configuration, scope: scope, outlets: video, sound: sound)
        return CallLifecycle.Session(
            generation: generation, call: self, attempt: attempt, scope: scope, media: media)
    }

    /// A join that nobody waits for any more is left, as far as it got.
    private func abandon(_ attempt: JoinAttempt) -> @Sendable () -> Void {
        { [weak self] in
            guard let self else { return }
            Task { await self.leave(ifJoinIs: attempt) }
        }
    }

    private func waitForCleanup(_ cleanup: Completion) async throws {
        switch await cleanup.wait(atMost: configuration.cleanupTimeout, clock: configuration.clock) {
        case .completed: return
        case .cancelled: throw CancellationError()
        case .timedOut:
            throw CallError(
                .cleanupTimeout, call: id.description,
                reason: "the session before was not cleaned up within \(configuration.cleanupTimeout)",
                advice: "Join again later: it works as soon as the cleanup has ended.")
        }
    }

    /// The work of one join.
    private func carryOut(_ attempt: JoinAttempt) async {
        guard let session = lifecycle.withLock({ $0.session }), session.attempt === attempt else {
            attempt.workEnded.complete()
            return attempt.resolve(.failure(CancellationError()))
        }
        do {
            try await connect(session)
            attempt.workEnded.complete()
            attempt.resolve(.success(()))
        } catch {
            attempt.workEnded.complete()
            if error is CancellationError || Task.isCancelled {
                await endSession(session.generation, .left)
                return attempt.resolve(.failure(CancellationError()))
            }
            let service = error as? ServiceError
            let failure = CallError(
                .joinFailed, call: id.description, reason: "join failed: \(service?.reason ?? "\(error)")",
                advice: service?.advice, service: service?.code)
            await endSession(session.generation, .failed(failure))
            attempt.resolve(.failure(failure))
        }
    }

    private func connect(_ session: CallLifecycle.Session) async throws {
        show(.joining, session)
        trace("join", "generation \(session.generation)")
        watchOnce()
        let request = JoinRequest(
            call: id, user: user, sessionID: session.media.sessionID,
            unifiedSessionID: state.unifiedSessionID.value, keepsTransport: configuration.standby == .warm)
        let transport = try await openTransport(request, session)
        session.media.link.set(transport, session.media.sessionID)
        // The devices first: they take longest, and the rest is ready before their first sound.
        try await media.setUp(transport.info.settings, transport.info.capabilities, in: session)
        trace("joined", session.media.sessionID.rawValue)
        state.begin(transport.info, own: session.media.sessionID)
        try session.media.begin(transport)
        // A monitor of devices takes half a millisecond to open, which nobody waits for here.
        try media.watch(session)
        try follow(transport, session)
        try launchLevels(session)
        show(.joined, session)
    }

    /// Shows where the call stands, unless the session is over: then its cleanup has the word. A session that is lost
    /// already is not shown as joined.
    func show(_ connection: ConnectionState, _ session: CallLifecycle.Session) {
        lifecycle.withLock { lifecycle in
            guard lifecycle.isOn(session.generation) else { return }
            if connection == .joined, lifecycle.session?.reconnection != nil { return }
            state.connection.set(connection)
        }
    }

    /// Asks the service for a session and takes it for this generation; undoes it where a leave was faster.
    private func openTransport(
        _ request: JoinRequest, _ session: CallLifecycle.Session
    ) async throws -> any RoomSession {
        let transport = try await askService(request, session)
        guard !Task.isCancelled, lifecycle.withLock({ $0.install(transport, generation: session.generation) }) else {
            // A late answer: the session is over, and must not come back to life on the server.
            try? await transport.leave()
            await transport.close()
            throw CancellationError()
        }
        return transport
    }

    func askService(_ request: JoinRequest, _ session: CallLifecycle.Session) async throws -> any RoomSession {
        let media = session.media
        return try await service.join(request) { [weak media] track, packet in media?.receive(packet, track: track) }
    }

    /// Follows a session's events for as long as it lasts.
    func follow(_ transport: any RoomSession, _ session: CallLifecycle.Session) throws {
        try session.scope.launch("session events") { [weak self] in
            for await event in transport.events {
                guard let self, session.scope.isCurrent else { return }
                self.handle(event, session, from: transport)
            }
        }
    }

    private func handle(_ event: SessionEvent, _ session: CallLifecycle.Session, from transport: any RoomSession) {
        state.apply(event)
        switch event {
        case .participantLeft(let id): session.media.removeTracks(of: id)
        case .trackPublished(let track): session.media.addTrack(track.id)
        case .trackUnpublished(let track): session.media.removeTrack(track)
        case .keyframeRequested(let kind): session.media.requestKeyframe(of: kind)
        case .connectionLost(let reason): reconnect(session, lost: transport, reason: reason)
        case .ended(let reason):
            let failure = CallError(.ended, call: id.description, reason: reason)
            Task { await self.endSession(session.generation, .failed(failure)) }
        case .participantJoined(let participant):
            session.media.addTracks(of: [participant])
        case .uplinkEstimate(let estimate): session.media.adapt(to: estimate)
        case .slowLink(let isUplink, let lostPackets):
            session.media.slowLinks.withLock { $0.add(isUplink: isUplink, lostPackets: lostPackets) }
            trace("slow link", "\(isUplink ? "up" : "down"), \(lostPackets) packets lost")
        case .trackMuted, .reaction: break
        }
    }

    /// How loud everybody is: when that has changed, and once a second, for those of whom nothing comes any more. How
    /// well everybody is connected, once a second.
    private func launchLevels(_ session: CallLifecycle.Session) throws {
        let clock = configuration.clock
        try session.scope.launch("levels") { [state] in
            for await _ in session.media.levelPulse.changes { state.apply(levels: session.media.levels) }
        }
        try session.scope.launch("levels of the silent, and quality") { [state] in
            var quality = SessionQuality()
            while true {
                try await clock.sleep(for: .seconds(1))
                state.apply(levels: session.media.levels)
                let isReconnecting = state.connection.value == .reconnecting
                let (own, others) = quality.measure(
                    session.media.statistics, state.participants.value, isReconnecting: isReconnecting)
                state.apply(quality: own, others: others)
            }
        }
    }
}
