internal import RTP

/// Who is in a room besides us, and what they publish: a server's news in, events out. No I/O.
struct JanusPeople: Sendable {
    struct Person: Sendable {
        var name: JanusDisplay
        /// By kind, the m-line of the publisher.
        var mids: [TrackKind: String] = [:]
        var moderated: Set<TrackKind> = []

        func isMuted(_ kind: TrackKind) -> Bool { name.muted.contains(kind) || moderated.contains(kind) }

        func track(_ kind: TrackKind) -> TrackInfo {
            TrackInfo(id: TrackID(sessionID: name.session, kind: kind), ssrc: 0, isMuted: isMuted(kind))
        }

        var info: ParticipantInfo {
            ParticipantInfo(
                sessionID: name.session, user: name.user,
                tracks: TrackKind.allCases.filter { mids[$0] != nil }.map(track))
        }
    }

    private(set) var people: [JanusID: Person] = [:]
    private let own: JanusID

    init(own: JanusID) { self.own = own }

    var participants: [ParticipantInfo] { people.values.map(\.info).sorted { $0.id.rawValue < $1.id.rawValue } }

    /// Everything that others publish.
    var feeds: JanusSubscriber.Feeds {
        var feeds: JanusSubscriber.Feeds = [:]
        for (id, person) in people {
            for (kind, mid) in person.mids {
                feeds[JanusSubscriber.Feed(id: id, mid: mid)] = TrackID(sessionID: person.name.session, kind: kind)
            }
        }
        return feeds
    }

    mutating func apply(_ event: VideoRoomEvent) -> [SessionEvent] {
        switch event {
        case .joined(_, _, let publishers, let attendees): (publishers + attendees).flatMap { meet($0) }
        case .publishers(let publishers): publishers.flatMap { meet($0) }
        case .joining(let person): meet(person)
        case .unpublished(let id?): change(id) { $0.mids = [:] }
        case .leaving(let id?, _), .kicked(let id): leave(id)
        case .displayChanged(let id, let display):
            change(id) { person in
                let name = JanusDisplay(parsing: display, id: id)
                // The session's id stays: tracks are named by it.
                person.name = JanusDisplay(user: name.user, session: person.name.session, muted: name.muted)
            }
        case .moderated(let id, let mid, let isMuted):
            change(id) { person in
                guard let kind = person.mids.first(where: { $0.value == mid })?.key else { return }
                if isMuted { person.moderated.insert(kind) } else { person.moderated.remove(kind) }
            }
        default: []
        }
    }

    private mutating func meet(_ publisher: VideoRoomPublisher) -> [SessionEvent] {
        guard publisher.id != own else { return [] }
        var events: [SessionEvent] = []
        if people[publisher.id] == nil {
            let person = Person(name: publisher.name)
            people[publisher.id] = person
            events.append(.participantJoined(person.info))
        }
        return events
            + change(publisher.id) { person in
                person.mids = Dictionary(publisher.tracks.map { ($0.kind, $0.mid) }) { first, _ in first }
            }
    }

    private mutating func leave(_ id: JanusID) -> [SessionEvent] {
        people.removeValue(forKey: id).map { [.participantLeft($0.name.session)] } ?? []
    }

    /// Changes a person, and tells what became of the tracks.
    private mutating func change(_ id: JanusID, _ body: (inout Person) -> Void) -> [SessionEvent] {
        guard let before = people[id] else { return [] }
        var after = before
        body(&after)
        people[id] = after
        return TrackKind.allCases.flatMap { kind -> [SessionEvent] in
            let track = after.track(kind)
            switch (before.mids[kind] != nil, after.mids[kind] != nil) {
            case (false, true): return [.trackPublished(track)]
            case (true, false): return [.trackUnpublished(track.id)]
            case (true, true) where before.isMuted(kind) != track.isMuted:
                return [.trackMuted(track.id, track.isMuted)]
            default: return []
            }
        }
    }
}
