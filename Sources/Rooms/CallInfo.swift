public import RTP

/// What a service knows of a call, whether or not anybody is in it.
public struct CallInfo: Sendable, Hashable {
    public var id: CallID
    public var createdBy: User
    public var members: [Member]
    public var settings: CallSettings
    /// The application's own data.
    public var custom: [String: String]
    /// What this user may do in the call.
    public var capabilities: Set<CallCapability>
    /// The sessions that are in the call now.
    public var participants: [ParticipantInfo]

    public init(
        id: CallID, createdBy: User, members: [Member] = [], settings: CallSettings = CallSettings(),
        custom: [String: String] = [:], capabilities: Set<CallCapability> = Set(CallCapability.allCases),
        participants: [ParticipantInfo] = []
    ) {
        self.id = id
        self.createdBy = createdBy
        self.members = members
        self.settings = settings
        self.custom = custom
        self.capabilities = capabilities
        self.participants = participants
    }
}

/// Somebody who belongs to a call, joined or not.
public struct Member: Sendable, Hashable, Identifiable {
    public var user: User
    public var role: String
    public var id: String { user.id }

    public init(user: User, role: String = "user") {
        self.user = user
        self.role = role
    }
}

/// What a user may do in a call.
public enum CallCapability: String, Sendable, Hashable, CaseIterable {
    case sendAudio, sendVideo, screenShare
}

/// What a call's creator decided for its devices. They arrive with the join and are applied to devices that nobody
/// has set before.
public struct CallSettings: Sendable, Hashable {
    public var microphoneOn: Bool
    public var speakerOn: Bool
    public var cameraOn: Bool
    /// The picture size aimed at, in pixels, and its rate in frames a second.
    public var camera: VideoResolution
    public var screenShare: VideoResolution

    public init(
        microphoneOn: Bool = true, speakerOn: Bool = true, cameraOn: Bool = true,
        camera: VideoResolution = VideoResolution(width: 1280, height: 720, framesPerSecond: 30),
        screenShare: VideoResolution = VideoResolution(width: 1920, height: 1080, framesPerSecond: 15)
    ) {
        self.microphoneOn = microphoneOn
        self.speakerOn = speakerOn
        self.cameraOn = cameraOn
        self.camera = camera
        self.screenShare = screenShare
    }
}

/// A picture size in pixels with its rate in frames a second.
public struct VideoResolution: Sendable, Hashable {
    public var width: Int
    public var height: Int
    public var framesPerSecond: Double

    public init(width: Int, height: Int, framesPerSecond: Double) {
        self.width = width
        self.height = height
        self.framesPerSecond = framesPerSecond
    }
}

/// One session in a call.
public struct ParticipantInfo: Sendable, Hashable, Identifiable {
    public var sessionID: SessionID
    public var user: User
    public var tracks: [TrackInfo]
    public var id: SessionID { sessionID }

    public init(sessionID: SessionID, user: User, tracks: [TrackInfo] = []) {
        self.sessionID = sessionID
        self.user = user
        self.tracks = tracks
    }
}

/// What a track carries.
public enum TrackKind: String, Sendable, Hashable, CaseIterable {
    case audio, video, screenShare
}

/// Names a track: whose, and which. A session has at most one track of a kind.
public struct TrackID: Sendable, Hashable, CustomStringConvertible {
    public var sessionID: SessionID
    public var kind: TrackKind

    public init(sessionID: SessionID, kind: TrackKind) {
        self.sessionID = sessionID
        self.kind = kind
    }

    public var description: String { "\(sessionID)/\(kind.rawValue)" }
}

/// A published track.
public struct TrackInfo: Sendable, Hashable, Identifiable {
    public var id: TrackID
    /// The SSRC of its RTP packets (RFC 3550 §8).
    public var ssrc: SSRC
    public var isMuted: Bool

    public init(id: TrackID, ssrc: SSRC, isMuted: Bool = false) {
        self.id = id
        self.ssrc = ssrc
        self.isMuted = isMuted
    }
}
