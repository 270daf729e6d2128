internal import RTP
internal import WebRTC
import Synchronization

/// One peer connection to a WHIP or WHEP server. It outlives a ``WHIPSession`` that is taken up again.
final class WHIPConnection: Sendable {
    private struct State {
        var current: WHIPSession?
        var published: Set<TrackKind> = []
        var isClosed = false
        /// The server's answer: a restart's fragment is put into it.
        var answer = ""
    }

    let request: JoinRequest
    private let resource: WHIPResource
    private let publishes: Bool
    private let onClose: @Sendable () -> Void
    private let peer: PeerConnection
    private let state: Mutex<State>
    private let inbox: Inbox
    /// By kind, the m-lines of the offer.
    private let mids: [TrackKind: String]

    /// Whom the server plays: it says nothing of who sends.
    static let player = SessionID("whep")

    init(
        _ request: JoinRequest, _ resource: WHIPResource, _ options: WHIPOptions, _ iceServers: [ICEServer],
        publishes: Bool,
        onClose: @escaping @Sendable () -> Void
    ) throws {
        self.request = request
        self.resource = resource
        self.publishes = publishes
        self.onClose = onClose
        var configuration = PeerConnectionConfiguration(loop: SharedNetworkLoop.loop)
        configuration.iceServers = iceServers
        configuration.icePolicy = options.icePolicy
        configuration.includesLoopback = options.includesLoopback
        let inbox = Inbox()
        peer = try PeerConnection(configuration) { event in
            switch event {
            case .candidate(let line, let mid): resource.trickle(line, mid: mid)
            case .gatheringComplete: resource.trickle(nil, mid: "")
            default: inbox.connection?.receive(event)
            }
        } onPacket: { mid, packet in
            inbox.connection?.receive(mid, packet)
        }
        let direction: TransceiverDirection = publishes ? .sendOnly : .receiveOnly
        let stream = request.sessionID.rawValue
        mids = [
            .audio: peer.addTransceiver(.audio, direction, track: LocalTrack(streamID: stream, trackID: "audio")),
            .video: peer.addTransceiver(.video, direction, track: LocalTrack(streamID: stream, trackID: "video")),
        ]
        state = Mutex(State())
        self.inbox = inbox
        inbox.set(self)
    }

    /// - Returns: the ICE servers that the server tells of, for the next connection.
    func open() async throws -> [ICEServer] {
        let (answer, servers) = try await resource.post(offer: try peer.makeOffer())
        do { try peer.acceptAnswer(answer) } catch {
            throw ServiceError(.refused, operation: "join \(request.call)", reason: "the server's answer: \(error)")
        }
        state.withLock { $0.answer = answer }
        return servers
    }

    /// New paths, where there is none: the same session at the server.
    func restartICE() async throws {
        if case .connected = peer.statistics.state { return }
        let offer = try peer.makeOffer(iceRestart: true)
        let fragment = try await resource.restart(offer: offer)
        guard let fragment, let ufrag = fragment.ufrag, let password = fragment.password,
            var answer = try? SessionDescription(parsing: state.withLock { $0.answer })
        else {
            throw ServiceError(
                .sessionLost, operation: "join \(request.call)", reason: "the server restarted no ICE",
                advice: "Rejoin with a new session id.")
        }
        for index in answer.media.indices {
            answer.media[index].iceUfrag = ufrag
            answer.media[index].icePassword = password
            answer.media[index].candidates = index == 0 ? fragment.sections.flatMap(\.candidates) : []
        }
        try peer.acceptAnswer(answer.text)
    }

    func begin(_ info: CallInfo, receive: @escaping @Sendable (TrackID, RTPPacket) -> Void) -> WHIPSession {
        var info = info
        info.participants = [ParticipantInfo(sessionID: request.sessionID, user: request.user)]
        if !publishes {
            let tracks = [TrackKind.audio, .video].map {
                TrackInfo(id: TrackID(sessionID: Self.player, kind: $0), ssrc: 0)
            }
            info.participants.append(
                ParticipantInfo(sessionID: Self.player, user: User(id: "whep", name: "WHEP"), tracks: tracks))
        }
        let session = WHIPSession(self, info, receive)
        state.withLock { $0.current = session }
        return session
    }

    func publish(_ track: TrackInfo) throws {
        guard publishes, mids[track.id.kind] != nil else {
            throw ServiceError(
                publishes ? .unsupported : .notPermitted, operation: "publish \(track.id)",
                reason: publishes ? "WHIP carries one sound and one picture" : "WHEP only plays")
        }
        state.withLock { _ = $0.published.insert(track.id.kind) }
    }

    func unpublish(_ kind: TrackKind) { state.withLock { _ = $0.published.remove(kind) } }

    /// Any thread.
    func send(_ packet: RTPPacket, _ kind: TrackKind) {
        guard let mid = mids[kind], state.withLock({ $0.published.contains(kind) }) else { return }
        peer.send(packet, mid: mid)
    }

    func requestKeyframe(_ kind: TrackKind) { if let mid = mids[kind] { peer.requestKeyframe(mid: mid) } }

    var statistics: TransportStatistics {
        let kinds = Dictionary(mids.map { ($1, $0) }) { first, _ in first }
        var statistics = TransportStatistics()
        if publishes {
            statistics.add(peer.statistics, sent: kinds)
        } else {
            statistics.add(
                peer.statistics, received: kinds.mapValues { TrackID(sessionID: Self.player, kind: $0) })
        }
        return statistics
    }

    func leave() async throws { try await resource.delete() }

    /// Closes if the session is the one that the connection belongs to.
    func close(_ session: WHIPSession) async {
        if state.withLock({ $0.current === session }) { await close() }
    }

    func close() async {
        let isFirst = state.withLock { state in
            defer {
                state.isClosed = true
                state.current = nil
            }
            return !state.isClosed
        }
        guard isFirst else { return }
        await peer.close()
        onClose()
    }

    private var current: WHIPSession? { state.withLock { $0.current } }

    /// On the loop's thread.
    private func receive(_ event: PeerConnectionEvent) {
        switch event {
        case .state(.failed(let error)): current?.lose("\(error)")
        case .state(.disconnected): current?.lose("no packets come from the server")
        case .keyframeRequested(let mid):
            if let kind = mids.first(where: { $0.value == mid })?.key { current?.deliver(.keyframeRequested(kind)) }
        case .estimate(let estimate) where publishes:
            current?.deliver(
                .uplinkEstimate(
                    UplinkEstimate(
                        bitsPerSecond: estimate.bitsPerSecond, loss: estimate.lossFraction,
                        roundTrip: estimate.roundTrip)))
        default: break
        }
    }

    /// On the loop's thread.
    private func receive(_ mid: String, _ packet: RTPPacket) {
        guard let kind = mids.first(where: { $0.value == mid })?.key else { return }
        current?.receive(TrackID(sessionID: Self.player, kind: kind), packet)
    }

    /// The connection, for the closures that it is made with.
    private final class Inbox: Sendable {
        private struct Holder { weak var connection: WHIPConnection? }
        private let holder = Mutex(Holder())
        var connection: WHIPConnection? { holder.withLock { $0.connection } }
        func set(_ connection: WHIPConnection) { holder.withLock { $0.connection = connection } }
    }
}
