public import Rooms

/// One session in the call, as views show it.
public struct Participant: Sendable, Hashable, Identifiable {
    public var sessionID: SessionID
    public var user: User
    /// Whether it is this machine's own session.
    public var isLocal: Bool
    public var tracks: [TrackKind: TrackInfo]
    /// RMS of the sound in dBov, −127 (silence) to 0 (RFC 6464).
    public var audioLevel: Int
    public var isSpeaking: Bool
    /// Of what comes from it; for the local one, of this machine's connection.
    public var connectionQuality: ConnectionQuality
    public var id: SessionID { sessionID }

    public init(_ info: ParticipantInfo, isLocal: Bool) {
        sessionID = info.sessionID
        user = info.user
        self.isLocal = isLocal
        tracks = Dictionary(info.tracks.map { ($0.id.kind, $0) }, uniquingKeysWith: { _, last in last })
        audioLevel = -127
        isSpeaking = false
        connectionQuality = .unknown
    }

    /// Whether a track is published and not muted.
    public func has(_ kind: TrackKind) -> Bool { tracks[kind].map { !$0.isMuted } ?? false }
}

/// A reaction that somebody sent.
public struct Reaction: Sendable, Hashable {
    public var from: SessionID
    public var text: String
}
