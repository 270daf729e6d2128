import Rooms
import Scopes

extension CallState {
    /// Shows the session that a join has begun.
    func begin(_ info: CallInfo, own session: SessionID) {
        apply(info)
        let everybody = info.participants.map { Participant($0, isLocal: $0.sessionID == session) }
        participants.set(everybody.filter(\.isLocal) + everybody.filter { !$0.isLocal })
        followScreenShare()
    }

    /// Follows an event of the session.
    func apply(_ event: SessionEvent) {
        switch event {
        case .participantJoined(let info):
            participants.update { participants in
                participants.removeAll { $0.id == info.id }
                participants.append(Participant(info, isLocal: false))
            }
        case .participantLeft(let id):
            participants.update { $0.removeAll { $0.id == id } }
            pinned.update { _ = $0.remove(id) }
            dominantSpeaker.update { if $0 == id { $0 = nil } }
            followScreenShare()
        case .trackPublished(let track):
            change(track.id.sessionID) { $0.tracks[track.id.kind] = track }
            followScreenShare()
        case .trackUnpublished(let id):
            change(id.sessionID) { $0.tracks[id.kind] = nil }
            followScreenShare()
        case .trackMuted(let id, let isMuted): change(id.sessionID) { $0.tracks[id.kind]?.isMuted = isMuted }
        case .reaction(let from, let text):
            reactions.update { $0 = ($0 + [Reaction(from: from, text: text)]).suffix(100) }
        case .keyframeRequested, .uplinkEstimate, .slowLink, .connectionLost, .ended: break
        }
    }

    /// Shows how loud everybody is.
    /// - `levels`: dBov by session.
    func apply(levels: [SessionID: Int]) {
        participants.update { participants in
            for index in participants.indices {
                let level = levels[participants[index].id] ?? -127
                participants[index].audioLevel = level
                participants[index].isSpeaking = level > Self.speechThreshold
            }
        }
        let loudest = participants.value.filter(\.isSpeaking).max { $0.audioLevel < $1.audioLevel }
        if let loudest { dominantSpeaker.set(loudest.id) }
    }

    /// Shows how well everybody is connected.
    func apply(quality own: ConnectionQuality, others: [SessionID: ConnectionQuality]) {
        connectionQuality.set(own)
        participants.update { participants in
            for index in participants.indices {
                let participant = participants[index]
                participants[index].connectionQuality =
                    participant.isLocal ? own : others[participant.id] ?? .unknown
            }
        }
    }

    /// dBov above which somebody counts as speaking.
    static let speechThreshold = -50

    func change(_ id: SessionID, _ body: (inout Participant) -> Void) {
        participants.update { participants in
            guard let index = participants.firstIndex(where: { $0.id == id }) else { return }
            body(&participants[index])
        }
    }

    private func followScreenShare() {
        screenSharing.set(participants.value.first { $0.has(.screenShare) }?.id)
    }
}
