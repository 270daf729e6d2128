import RTP
import Synchronization

/// One session of the in-process room.
final class InProcessSession: RoomSession {
    let info: CallInfo
    let events: AsyncStream<SessionEvent>

    private struct State {
        var participant: ParticipantInfo
        /// Where this session's packets go.
        var peers: [InProcessSession] = []
        var isOpen = true
        var hasLeft = false
    }

    private let room: Room
    /// The way to the room and back; nil where packets go from hand to hand.
    private let leg: LoopbackLeg?
    private let echo: ParticipantInfo?
    private let receive: @Sendable (TrackID, RTPPacket) -> Void
    private let continuation: AsyncStream<SessionEvent>.Continuation
    private let state: Mutex<State>

    init(
        room: Room, info: CallInfo, own participant: ParticipantInfo, hasEcho: Bool, leg: LoopbackLeg?,
        receive: @escaping @Sendable (TrackID, RTPPacket) -> Void
    ) {
        (events, continuation) = AsyncStream.makeStream()
        self.room = room
        self.leg = leg
        self.receive = receive
        state = Mutex(State(participant: participant))
        echo =
            hasEcho
            ? ParticipantInfo(
                sessionID: SessionID("echo-of-\(participant.sessionID)"), user: User(id: "echo", name: "Echo"),
                tracks: [])
            : nil
        var info = info
        if let echo { info.participants.append(echo) }
        self.info = info
        leg?.begin(
            remote: info.participants.filter { $0.id != participant.id }.flatMap(\.tracks),
            onUplink: { [weak self] in self?.forward($0, $1) },
            onDownlink: { [weak self] in self?.receiveIfOpen($0, $1) },
            onEvent: { [weak self] in self?.deliver($0) })
        for track in participant.tracks { leg?.publish(track) }
        // A session taken up again meets its echo's tracks again.
        for track in participant.tracks { echoBack(track) }
    }

    var participant: ParticipantInfo { state.withLock { $0.participant } }

    func setPeers(_ peers: [InProcessSession]) { state.withLock { $0.peers = peers } }

    func deliver(_ event: SessionEvent) {
        leg?.follow(event)
        continuation.yield(event)
    }

    var statistics: TransportStatistics? { leg?.statistics }

    /// Ends the transport as a lost network does.
    func cut(reason: String) {
        state.withLock { state in
            state.isOpen = false
            state.peers = []
        }
        deliver(.connectionLost(reason: reason))
        if let leg { Task { await leg.close() } }
    }

    func publish(_ track: TrackInfo) async throws {
        let participant = try changeTracks("publish \(track.id)") { tracks in
            tracks.removeAll { $0.id == track.id }
            tracks.append(track)
        }
        leg?.publish(track)
        room.tracksChanged(participant, .trackPublished(track))
        echoBack(track)
    }

    func setMuted(_ isMuted: Bool, track kind: TrackKind) async throws {
        let participant = try changeTracks("mute \(kind)") { tracks in
            for index in tracks.indices where tracks[index].id.kind == kind { tracks[index].isMuted = isMuted }
        }
        room.tracksChanged(
            participant, .trackMuted(TrackID(sessionID: participant.sessionID, kind: kind), isMuted))
        if let echo { deliver(.trackMuted(TrackID(sessionID: echo.sessionID, kind: kind), isMuted)) }
    }

    func unpublish(_ kind: TrackKind) async throws {
        let participant = try changeTracks("unpublish \(kind)") { tracks in
            tracks.removeAll { $0.id.kind == kind }
        }
        room.tracksChanged(participant, .trackUnpublished(TrackID(sessionID: participant.sessionID, kind: kind)))
        if let echo { deliver(.trackUnpublished(TrackID(sessionID: echo.sessionID, kind: kind))) }
    }

    func send(_ packet: RTPPacket, track kind: TrackKind) {
        if let leg {
            if state.withLock({ $0.isOpen }) { leg.send(packet, kind) }
        } else {
            forward(packet, kind)
        }
    }

    /// Hands a packet that has come to the room to all others.
    private func forward(_ packet: RTPPacket, _ kind: TrackKind) {
        let (peers, source) = state.withLock { state -> ([InProcessSession], SessionID?) in
            let isPublished = state.participant.tracks.contains { $0.id.kind == kind }
            return (state.peers, state.isOpen && isPublished ? state.participant.sessionID : nil)
        }
        guard let source else { return }
        for peer in peers { peer.accept(TrackID(sessionID: source, kind: kind), packet) }
        if let echo {
            var returned = packet
            returned.ssrc = Self.echoSSRC(packet.ssrc)
            accept(TrackID(sessionID: echo.sessionID, kind: kind), returned)
        }
    }

    func requestKeyframe(of track: TrackID) {
        if track.sessionID == echo?.sessionID {
            deliver(.keyframeRequested(track.kind))
        } else {
            room.requestKeyframe(of: track)
        }
    }

    func sendReaction(_ reaction: String) async throws {
        try requireOpen("react")
        room.reaction(from: participant.sessionID, reaction)
    }

    func leave() async throws {
        let isFirst = state.withLock { state in
            defer { state.hasLeft = true }
            return !state.hasLeft
        }
        if isFirst { room.leave(participant.sessionID) }
    }

    func close() async {
        state.withLock { state in
            state.isOpen = false
            state.peers = []
        }
        await leg?.close()
        continuation.finish()
    }

    private func accept(_ track: TrackID, _ packet: RTPPacket) {
        if let leg { leg.deliver(packet, track) } else { receiveIfOpen(track, packet) }
    }

    private func receiveIfOpen(_ track: TrackID, _ packet: RTPPacket) {
        if state.withLock({ $0.isOpen }) { receive(track, packet) }
    }

    private func echoBack(_ track: TrackInfo) {
        guard let echo else { return }
        deliver(
            .trackPublished(
                TrackInfo(
                    id: TrackID(sessionID: echo.sessionID, kind: track.id.kind), ssrc: Self.echoSSRC(track.ssrc),
                    isMuted: track.isMuted)))
    }

    private static func echoSSRC(_ ssrc: SSRC) -> SSRC { SSRC(rawValue: ~ssrc.rawValue) }

    private func requireOpen(_ operation: String) throws {
        guard state.withLock({ $0.isOpen }) else {
            throw ServiceError(.unreachable, operation: operation, reason: "the session is closed")
        }
    }

    private func changeTracks(_ operation: String, _ change: (inout [TrackInfo]) -> Void) throws -> ParticipantInfo {
        try requireOpen(operation)
        return state.withLock { state in
            change(&state.participant.tracks)
            return state.participant
        }
    }
}
