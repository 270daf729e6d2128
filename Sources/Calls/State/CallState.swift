public import Rooms
public import Scopes

/// What is known of a call, in values that can be watched.
///
/// Each is a `StateFlow`: it lives as long as the call, is never finished by a leave, and shows every later session to
/// whoever watched it before the first.
/// - Thread: any.
public final class CallState: Sendable {
    public let connection: StateFlow<ConnectionState>

    // Of the call: kept across sessions, and updated while left.
    /// What the service knows of the call; nil until it was asked or joined.
    public let info = StateFlow<CallInfo?>(nil)
    public let members = StateFlow<[Member]>([])
    public let settings = StateFlow(CallSettings())
    public let custom = StateFlow<[String: String]>([:])
    /// The sessions in the call as the service tells those who are not in it. Kept up to date while left.
    public let present = StateFlow<[ParticipantInfo]>([])
    /// What the last session came to; nil until one has ended.
    public let lastSession = StateFlow<SessionReport?>(nil)

    // Of the session: cleared by reset.
    /// The ids of the session that is on, or of the next join.
    public let sessionID: StateFlow<SessionID>
    public let unifiedSessionID: StateFlow<SessionID>
    /// Everybody in the session, this machine first.
    public let participants = StateFlow<[Participant]>([])
    /// How well this machine is connected; each participant has its own.
    public let connectionQuality = StateFlow(ConnectionQuality.unknown)
    public let dominantSpeaker = StateFlow<SessionID?>(nil)
    /// Sessions that a person pinned.
    public let pinned = StateFlow<Set<SessionID>>([])
    /// The session that shares its screen.
    public let screenSharing = StateFlow<SessionID?>(nil)
    /// The newest 100 reactions.
    public let reactions = StateFlow<[Reaction]>([])
    /// What went wrong in the session, the newest 100.
    public let errors = StateFlow<[CallError]>([])

    init(sessionID: SessionID, unifiedSessionID: SessionID) {
        connection = StateFlow(.idle)
        self.sessionID = StateFlow(sessionID)
        self.unifiedSessionID = StateFlow(unifiedSessionID)
    }

    func apply(_ info: CallInfo) {
        self.info.set(info)
        members.set(info.members)
        settings.set(info.settings)
        custom.set(info.custom)
        present.set(info.participants)
    }

    /// Follows an event that reaches everybody who watches the call, joined or not.
    func apply(_ event: CallEvent) {
        switch event {
        case .updated(let info): apply(info)
        case .participantJoined(let participant):
            present.update { present in
                present.removeAll { $0.id == participant.id }
                present.append(participant)
            }
        case .participantLeft(let id): present.update { $0.removeAll { $0.id == id } }
        case .ended: present.set([])
        }
    }

    func report(_ error: CallError) {
        errors.update { errors in errors = (errors + [error]).suffix(100) }
    }

    /// Forgets what was of a session.
    func reset(sessionID: SessionID, unifiedSessionID: SessionID) {
        self.sessionID.set(sessionID)
        self.unifiedSessionID.set(unifiedSessionID)
        participants.set([])
        connectionQuality.set(.unknown)
        dominantSpeaker.set(nil)
        pinned.set([])
        screenSharing.set(nil)
        reactions.set([])
        errors.set([])
    }
}
