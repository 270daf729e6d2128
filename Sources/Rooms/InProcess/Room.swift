import RTP
import Synchronization

/// One call of the in-process service: its data, its sessions, its watchers.
final class Room: Sendable {
    private struct State {
        var info: CallInfo
        var sessions: [SessionID: InProcessSession] = [:]
        /// Sessions whose transport was cut and that may be taken up again.
        var lost: [SessionID: ParticipantInfo] = [:]
        /// Ids that have left and are refused: the newest ``rememberedEndings`` of them.
        var ended: Set<SessionID> = []
        var endedInOrder: [SessionID] = []
        var watchers: [Int: AsyncStream<CallEvent>.Continuation] = [:]
        var nextWatcher = 0
    }

    // Bounded, so that a year of rejoins does not grow it.
    private static let rememberedEndings = 1024

    private let state: Mutex<State>
    private let hasEcho: Bool
    private let transport: InProcessService.Transport

    init(info: CallInfo, hasEcho: Bool, transport: InProcessService.Transport) {
        state = Mutex(State(info: info))
        self.hasEcho = hasEcho
        self.transport = transport
    }

    var info: CallInfo { state.withLock { $0.info } }

    func update(_ request: CallUpdate) -> CallInfo {
        let info = state.withLock { state in
            if let members = request.members { state.info.members = members }
            if let settings = request.settings { state.info.settings = settings }
            if let custom = request.custom { state.info.custom = custom }
            return state.info
        }
        announce(.updated(info))
        return info
    }

    func watch() -> AsyncStream<CallEvent> {
        let (stream, continuation) = AsyncStream.makeStream(of: CallEvent.self, bufferingPolicy: .bufferingNewest(256))
        let key = state.withLock { state in
            state.nextWatcher += 1
            state.watchers[state.nextWatcher] = continuation
            return state.nextWatcher
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.state.withLock { $0.watchers.removeValue(forKey: key) }
        }
        return stream
    }

    func join(
        _ request: JoinRequest, receive: @escaping @Sendable (TrackID, RTPPacket) -> Void
    ) throws -> InProcessSession {
        let operation = "join \(request.call)"
        let leg = try makeLeg(operation)
        let (session, others) = try state.withLock { state in
            guard !state.ended.contains(request.sessionID), state.sessions[request.sessionID] == nil else {
                throw ServiceError(
                    .sessionEnded, operation: operation, reason: "session id \(request.sessionID) was used before",
                    advice: "Make a new session id for every join.")
            }
            var participant = ParticipantInfo(sessionID: request.sessionID, user: request.user)
            switch request.kind {
            case .join: break
            case .fastReconnect:
                guard let lost = state.lost.removeValue(forKey: request.sessionID) else {
                    throw ServiceError(
                        .sessionLost, operation: operation, reason: "session \(request.sessionID) is not known",
                        advice: "Rejoin with a new session id.")
                }
                participant = lost
            case .rejoin:
                if let replaced = request.replaces { Self.remove(replaced, from: &state) }
            }
            state.info.participants.removeAll { $0.id == participant.id || $0.id == request.replaces }
            state.info.participants.append(participant)
            let session = InProcessSession(
                room: self, info: state.info, own: participant, hasEcho: hasEcho, leg: leg, receive: receive)
            let others = Array(state.sessions.values)
            state.sessions[request.sessionID] = session
            Self.updatePeers(&state)
            return (session, others)
        }
        for other in others {
            if let replaced = request.replaces { other.deliver(.participantLeft(replaced)) }
            if request.kind != .fastReconnect { other.deliver(.participantJoined(session.participant)) }
        }
        if let replaced = request.replaces { announce(.participantLeft(replaced)) }
        if request.kind != .fastReconnect { announce(.participantJoined(session.participant)) }
        return session
    }

    private func makeLeg(_ operation: String) throws -> LoopbackLeg? {
        guard transport == .loopback else { return nil }
        do { return try LoopbackLeg() } catch {
            throw ServiceError(.unreachable, operation: operation, reason: "\(error)")
        }
    }

    /// A session's tracks have changed: the room's record follows, and the others are told.
    func tracksChanged(_ participant: ParticipantInfo, _ event: SessionEvent) {
        for other in update(participant) { other.deliver(event) }
    }

    func reaction(from session: SessionID, _ reaction: String) {
        for member in state.withLock({ Array($0.sessions.values) }) {
            member.deliver(.reaction(from: session, reaction))
        }
    }

    func requestKeyframe(of track: TrackID) {
        state.withLock { $0.sessions[track.sessionID] }?.deliver(.keyframeRequested(track.kind))
    }

    func leave(_ id: SessionID) {
        let others = state.withLock { state -> [InProcessSession] in
            Self.remove(id, from: &state)
            return Array(state.sessions.values)
        }
        for other in others { other.deliver(.participantLeft(id)) }
        announce(.participantLeft(id))
    }

    func disconnect(_ id: SessionID, forgetting: Bool) throws {
        let session = state.withLock { state -> InProcessSession? in
            guard let session = state.sessions.removeValue(forKey: id) else { return nil }
            if !forgetting { state.lost[id] = session.participant }
            Self.updatePeers(&state)
            return session
        }
        guard let session else {
            throw ServiceError(.notFound, operation: "disconnect \(id)", reason: "no such session in the call")
        }
        session.cut(reason: "the connection was cut")
    }

    func end() {
        let (sessions, watchers) = state.withLock { state in
            let sessions = Array(state.sessions.values)
            for id in Array(state.sessions.keys) { Self.remove(id, from: &state) }
            return (sessions, Array(state.watchers.values))
        }
        for session in sessions { session.deliver(.ended(reason: "the call was ended")) }
        for watcher in watchers { watcher.yield(.ended) }
    }

    private func update(_ participant: ParticipantInfo) -> [InProcessSession] {
        state.withLock { state in
            guard let index = state.info.participants.firstIndex(where: { $0.id == participant.id }) else { return [] }
            state.info.participants[index] = participant
            return state.sessions.values.filter { $0.participant.id != participant.id }
        }
    }

    private func announce(_ event: CallEvent) {
        for watcher in state.withLock({ Array($0.watchers.values) }) { watcher.yield(event) }
    }

    private static func remove(_ id: SessionID, from state: inout State) {
        state.sessions[id] = nil
        state.lost[id] = nil
        if state.ended.insert(id).inserted {
            state.endedInOrder.append(id)
            if state.endedInOrder.count > rememberedEndings {
                state.ended.remove(state.endedInOrder.removeFirst())
            }
        }
        state.info.participants.removeAll { $0.id == id }
        updatePeers(&state)
    }

    /// Gives every session the list it sends packets to, so that sending takes no lock of the room.
    private static func updatePeers(_ state: inout State) {
        for session in state.sessions.values {
            session.setPeers(state.sessions.values.filter { $0 !== session })
        }
    }
}
