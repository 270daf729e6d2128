/// What the VideoRoom plugin says (`plugindata.data`; janus_videoroom.c of 1.1.2).
package enum VideoRoomEvent: Sendable, Hashable {
    /// We are in the room, on the publisher's handle.
    case joined(id: JanusID, privateID: Int64?, publishers: [VideoRoomPublisher], attendees: [VideoRoomPublisher])
    /// Somebody began to publish, or publishes something else.
    case publishers([VideoRoomPublisher])
    case joining(VideoRoomPublisher)
    /// Somebody publishes no more, and is still there; nil: we do not.
    case unpublished(JanusID?)
    /// Somebody is gone; nil: we are, for the reason.
    case leaving(JanusID?, reason: String?)
    case kicked(JanusID)
    case displayChanged(JanusID, String)
    case moderated(JanusID, mid: String, isMuted: Bool)
    /// What we publish was taken: its m-lines.
    case configured([VideoRoomStream])
    /// The subscriber's handle: its m-lines, each with the feed it carries.
    case attached([VideoRoomStream])
    case updated([VideoRoomStream]?)
    /// The update waits for the answer to the one before.
    case updating
    case started
    case created(JanusID)
    case destroyed
    case participants([VideoRoomPublisher])
    case rooms([VideoRoomSummary])
    case exists(Bool)
    case failure(JanusFailure)
    case other

    package init(_ data: JSON) {
        if data["error_code"] != nil {
            self = .failure(JanusFailure(data["error_code"], data["error"]))
            return
        }
        switch data["videoroom"]?.string {
        case "joined": self = Self.joined(data)
        case "attached": self = .attached(Self.streams(data))
        case "updated": self = .updated(data["streams"].map { _ in Self.streams(data) })
        case "updating": self = .updating
        case "created": self = JanusID(data["room"]).map { .created($0) } ?? .other
        case "destroyed": self = .destroyed
        case "participants": self = .participants(data["participants"]?.people ?? [])
        case "success": self = Self.success(data)
        case "event": self = Self.event(data)
        default: self = .other
        }
    }

    private static func joined(_ data: JSON) -> VideoRoomEvent {
        guard let id = JanusID(data["id"]) else { return .other }
        return .joined(
            id: id, privateID: data["private_id"]?.integer, publishers: data["publishers"]?.people ?? [],
            attendees: data["attendees"]?.people ?? [])
    }

    private static func success(_ data: JSON) -> VideoRoomEvent {
        if let exists = data["exists"]?.bool { return .exists(exists) }
        guard let list = data["list"] else { return .other }
        return .rooms(list.array.compactMap(VideoRoomSummary.init))
    }

    private static func event(_ data: JSON) -> VideoRoomEvent {
        if let publishers = data["publishers"] { return .publishers(publishers.people) }
        if let joining = data["joining"].flatMap(VideoRoomPublisher.init) { return .joining(joining) }
        if let gone = data["unpublished"] { return .unpublished(gone == "ok" ? nil : JanusID(gone)) }
        if let gone = data["leaving"] {
            return .leaving(gone == "ok" ? nil : JanusID(gone), reason: data["reason"]?.string)
        }
        if let kicked = JanusID(data["kicked"]) { return .kicked(kicked) }
        if data["configured"] != nil { return .configured(streams(data)) }
        if data["started"] != nil { return .started }
        if let id = JanusID(data["id"]) {
            if let moderation = data["moderation"]?.string, let mid = data["mid"]?.string {
                return .moderated(id, mid: mid, isMuted: moderation == "muted")
            }
            if let display = data["display"]?.string { return .displayChanged(id, display) }
        }
        return .other
    }

    private static func streams(_ data: JSON) -> [VideoRoomStream] {
        (data["streams"]?.array ?? []).compactMap(VideoRoomStream.init)
    }
}

extension JSON {
    fileprivate var people: [VideoRoomPublisher] { array.compactMap(VideoRoomPublisher.init) }
}

/// Somebody in a room.
package struct VideoRoomPublisher: Sendable, Hashable {
    package var id: JanusID
    package var display: String?
    package var streams: [VideoRoomStream]

    init?(_ json: JSON) {
        guard let id = JanusID(json["id"]) else { return nil }
        self.id = id
        display = json["display"]?.string
        streams = (json["streams"]?.array ?? []).compactMap(VideoRoomStream.init)
    }

    package var name: JanusDisplay { JanusDisplay(parsing: display, id: id) }

    /// The mids of what is published, by kind: as its description says, else as the first of its type.
    package var tracks: [(kind: TrackKind, mid: String)] {
        var tracks: [(kind: TrackKind, mid: String)] = []
        for stream in streams where !stream.isDisabled {
            guard let kind = stream.kind(after: tracks.map(\.kind)) else { continue }
            tracks.append((kind, stream.mid))
        }
        return tracks
    }
}

/// An m-line of a publisher, or of our subscription.
package struct VideoRoomStream: Sendable, Hashable {
    /// `audio`, `video` or `data`.
    package var type: String
    package var mid: String
    /// What its publisher said of it: ours say the track's kind.
    package var description: String?
    package var isDisabled: Bool
    /// Subscriptions: whether the m-line carries a feed now, and whose.
    package var isActive: Bool
    package var feed: JanusID?
    package var feedMid: String?

    init?(_ json: JSON) {
        guard let type = json["type"]?.string, let mid = json["mid"]?.string else { return nil }
        self.type = type
        self.mid = mid
        description = json["description"]?.string ?? json["feed_description"]?.string
        isDisabled = json["disabled"]?.bool ?? false
        isActive = json["active"]?.bool ?? true
        feed = JanusID(json["feed_id"])
        feedMid = json["feed_mid"]?.string
    }

    /// - `taken`: kinds that its publisher's earlier streams are. A second picture of a stranger is taken for a screen.
    func kind(after taken: [TrackKind]) -> TrackKind? {
        if let kind = description.flatMap(TrackKind.init), !taken.contains(kind) { return kind }
        let candidates: [TrackKind] =
            switch type {
            case "audio": [.audio]
            case "video": [.video, .screenShare]
            default: []
            }
        return candidates.first { !taken.contains($0) }
    }
}

/// A room in the server's list.
package struct VideoRoomSummary: Sendable, Hashable {
    package var id: JanusID
    package var description: String
    package var participants: Int

    init?(_ json: JSON) {
        guard let id = JanusID(json["room"]) else { return nil }
        self.id = id
        description = json["description"]?.string ?? ""
        participants = Int(clamping: json["num_participants"]?.integer ?? 0)
    }
}
