public import RTP

/// How calls reach others: the in-process room, a room server, Janus, WHIP.
///
/// Every method may be called from any task. A method that is cancelled throws `CancellationError` or returns late;
/// the caller refuses a late answer.
public protocol CallService: Sendable {
    /// What is known of a call, without joining it.
    /// - Throws: `ServiceError.notFound`.
    func get(_ id: CallID) async throws -> CallInfo

    /// Creates a call, or returns the one that exists.
    func create(_ id: CallID, _ request: CallCreation, by user: User) async throws -> CallInfo

    /// Changes what is not nil in the request.
    func update(_ id: CallID, _ request: CallUpdate) async throws -> CallInfo

    func query(_ query: CallQuery) async throws -> [CallInfo]

    /// Ends the call for everybody in it.
    func end(_ id: CallID) async throws

    /// What happens in a call, for somebody who need not be in it. The stream ends when the consumer's task is
    /// cancelled; it does not end with a session.
    func events(of id: CallID) -> AsyncStream<CallEvent>

    /// Joins a call; creates it where it does not exist.
    /// - `receive`: called for each packet of a remote track, on whatever thread brought it; must return soon.
    /// - Throws: `ServiceError`; `.sessionEnded` for a session id that has left before.
    func join(_ request: JoinRequest, receive: @escaping @Sendable (TrackID, RTPPacket) -> Void) async throws
        -> any RoomSession

    /// Closes what is kept of a left session for the next join (``JoinRequest/keepsTransport``).
    func endStandby(of id: CallID) async
}

extension CallService {
    public func endStandby(of id: CallID) async {}
}

/// What a new call is made of.
public struct CallCreation: Sendable, Hashable {
    public var members: [Member]
    public var settings: CallSettings
    public var custom: [String: String]

    public init(members: [Member] = [], settings: CallSettings = CallSettings(), custom: [String: String] = [:]) {
        self.members = members
        self.settings = settings
        self.custom = custom
    }
}

/// What to change in a call; nil leaves as it is.
public struct CallUpdate: Sendable, Hashable {
    public var members: [Member]?
    public var settings: CallSettings?
    public var custom: [String: String]?

    public init(members: [Member]? = nil, settings: CallSettings? = nil, custom: [String: String]? = nil) {
        self.members = members
        self.settings = settings
        self.custom = custom
    }
}

/// Which calls to list; nil matches all.
public struct CallQuery: Sendable, Hashable {
    public var type: String?
    /// Calls that this user is a member of or created.
    public var userID: String?
    /// Only calls that somebody is in.
    public var ongoingOnly: Bool
    public var limit: Int

    public init(type: String? = nil, userID: String? = nil, ongoingOnly: Bool = false, limit: Int = 100) {
        self.type = type
        self.userID = userID
        self.ongoingOnly = ongoingOnly
        self.limit = limit
    }
}

/// What a joiner tells the service.
public struct JoinRequest: Sendable, Hashable {
    /// How the session relates to the one before it.
    public enum Kind: String, Sendable, Hashable {
        /// A new session after a leave, or the first.
        case join
        /// The same session over a new transport: both ids are those of before.
        case fastReconnect
        /// A new session that takes the place of a lost one: a new session id, the same unified id.
        case rejoin
    }

    public var call: CallID
    public var user: User
    public var kind: Kind
    public var sessionID: SessionID
    /// The same from join to leave, across reconnections.
    public var unifiedSessionID: SessionID
    /// The session that this one takes the place of (`rejoin`).
    public var replaces: SessionID?
    /// Whether a service may keep some of the transport connected after the leave, for the next join (`.warm`).
    public var keepsTransport: Bool

    public init(
        call: CallID, user: User, kind: Kind = .join, sessionID: SessionID, unifiedSessionID: SessionID,
        replaces: SessionID? = nil, keepsTransport: Bool = false
    ) {
        self.call = call
        self.user = user
        self.kind = kind
        self.sessionID = sessionID
        self.unifiedSessionID = unifiedSessionID
        self.replaces = replaces
        self.keepsTransport = keepsTransport
    }
}

/// What happens in a call, seen from outside.
public enum CallEvent: Sendable, Hashable {
    case updated(CallInfo)
    case participantJoined(ParticipantInfo)
    case participantLeft(SessionID)
    case ended
}

/// One join, from the service's answer to its end.
public protocol RoomSession: AnyObject, Sendable {
    /// The call as it was when the join was answered, this session's own participant included.
    var info: CallInfo { get }

    /// What happens in the call while the session lasts; finished by ``close()``. For one consumer.
    var events: AsyncStream<SessionEvent> { get }

    /// Announces a track of this session to the others.
    func publish(_ track: TrackInfo) async throws

    /// Tells the others whether a published track is muted.
    func setMuted(_ isMuted: Bool, track: TrackKind) async throws

    /// Takes a track back.
    func unpublish(_ track: TrackKind) async throws

    /// Sends a packet of a published track. Any thread; does not block; packets of unknown tracks are dropped.
    func send(_ packet: RTPPacket, track: TrackKind)

    /// What the transport has come to; nil where the session has none of its own. Any thread.
    var statistics: TransportStatistics? { get }

    /// Asks the sender of a remote video track for a keyframe. Any thread; does not block.
    func requestKeyframe(of track: TrackID)

    /// Shows a reaction to everybody in the call.
    func sendReaction(_ reaction: String) async throws

    /// Tells the service that this session leaves. The transport still exists afterwards.
    func leave() async throws

    /// Closes the transport: nothing is sent or received after it. Idempotent.
    func close() async
}

extension RoomSession {
    public var statistics: TransportStatistics? { nil }
}

/// What happens in a call, seen from a session.
public enum SessionEvent: Sendable, Hashable {
    case participantJoined(ParticipantInfo)
    case participantLeft(SessionID)
    case trackPublished(TrackInfo)
    case trackUnpublished(TrackID)
    case trackMuted(TrackID, Bool)
    case reaction(from: SessionID, String)
    /// Somebody needs a keyframe of this session's track.
    case keyframeRequested(TrackKind)
    /// What may be sent has changed: the encoders follow it.
    case uplinkEstimate(UplinkEstimate)
    /// The service sees many packets lost: of those that this session sends (`isUplink`), or of those sent to it.
    case slowLink(isUplink: Bool, lostPackets: Int)
    /// The transport was lost; the session may be taken up again.
    case connectionLost(reason: String)
    /// The service ended the session (the call was ended, this user was removed).
    case ended(reason: String)
}
