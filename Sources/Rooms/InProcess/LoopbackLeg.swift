internal import RTP
internal import WebRTC
import Synchronization

/// A session's way to the in-process room: a peer connection at the session, one at the forwarder, and UDP on loopback
/// between them.
///
///     session ─▶ client ═▶ server ─▶ forwarder ─▶ the others' legs
///
/// The forwarder's side makes every offer, so that none cross. Descriptions are handed over, not sent.
final class LoopbackLeg: Sendable {
    private struct State {
        var up: [TrackKind: String] = [:]
        var down: [TrackID: String] = [:]
        var isClosed = false
    }

    /// Under its lock one description after the other is made and taken.
    private let state = Mutex(State())
    /// By m-line: read for every packet.
    private let uplinks: KindTable
    private let downlinks: TrackTable
    private let sinks: Sink
    private let client: PeerConnection
    private let server: PeerConnection
    /// To the server, and to the client.
    private let candidates: (CandidateExchange, CandidateExchange)

    init() throws {
        var configuration = PeerConnectionConfiguration(loop: SharedNetworkLoop.loop)
        configuration.isLoopbackOnly = true
        configuration.includesLoopback = true
        let (sinks, uplinks, downlinks) = (Sink(), KindTable(), TrackTable())
        let (toServer, toClient) = (CandidateExchange(), CandidateExchange())
        client = try PeerConnection(configuration) { event in
            switch event {
            case .candidate(let line, _): toServer.add(line)
            case .state(.failed(let error)): sinks.tell(.connectionLost(reason: "\(error)"))
            case .state(.disconnected): sinks.tell(.connectionLost(reason: "no packets come from the room"))
            case .estimate(let estimate):
                sinks.tell(
                    .uplinkEstimate(
                        UplinkEstimate(
                            bitsPerSecond: estimate.bitsPerSecond, loss: estimate.lossFraction,
                            roundTrip: estimate.roundTrip)))
            default: break
            }
        } onPacket: { mid, packet in
            if let track = downlinks[mid] { sinks.down(track, packet) }
        }
        server = try PeerConnection(configuration) { event in
            if case .candidate(let line, _) = event { toClient.add(line) }
        } onPacket: { mid, packet in
            if let kind = uplinks[mid] { sinks.up(packet, kind) }
        }
        self.sinks = sinks
        self.uplinks = uplinks
        self.downlinks = downlinks
        candidates = (toServer, toClient)
    }

    /// Connects, with m-lines for sound and picture up and for what others have published down.
    /// - `onUplink`, `onDownlink`: a packet at the forwarder, or back at the session; on the loop's thread.
    func begin(
        remote: [TrackInfo], onUplink: @escaping @Sendable (RTPPacket, TrackKind) -> Void,
        onDownlink: @escaping @Sendable (TrackID, RTPPacket) -> Void,
        onEvent: @escaping @Sendable (SessionEvent) -> Void
    ) {
        sinks.set(Sink.Targets(up: onUplink, down: onDownlink, event: onEvent))
        state.withLock { state in
            for kind in [TrackKind.audio, .video] { addUplink(kind, &state) }
            for track in remote { addDownlink(track, &state) }
            negotiate(&state)
        }
        candidates.0.start(to: server)
        candidates.1.start(to: client)
    }

    /// A track of the session: it gets its m-line, and its SSRC.
    func publish(_ track: TrackInfo) {
        state.withLock { state in
            let kind = track.id.kind
            guard !state.isClosed else { return }
            if state.up[kind] == nil { addUplink(kind, &state) }
            guard let mid = state.up[kind] else { return }
            negotiate(&state, sending: (mid, LocalTrack(ssrc: track.ssrc, trackID: kind.rawValue)))
        }
    }

    /// What others publish and take back.
    func follow(_ event: SessionEvent) {
        state.withLock { state in
            guard !state.isClosed else { return }
            switch event {
            case .trackPublished(let track):
                guard state.down[track.id] == nil else { return }
                addDownlink(track, &state)
            case .trackUnpublished(let track): removeDownlinks(&state) { $0 == track }
            case .participantLeft(let session): removeDownlinks(&state) { $0.sessionID == session }
            default: return
            }
            negotiate(&state)
        }
    }

    private func addUplink(_ kind: TrackKind, _ state: inout State) {
        let mid = server.addTransceiver(kind == .audio ? .audio : .video, .receiveOnly)
        state.up[kind] = mid
        uplinks.set(Dictionary(state.up.map { ($1, $0) }) { first, _ in first })
    }

    private func addDownlink(_ track: TrackInfo, _ state: inout State) {
        let mid = server.addTransceiver(
            track.id.kind == .audio ? .audio : .video, .sendOnly,
            track: LocalTrack(
                ssrc: track.ssrc == 0 ? nil : track.ssrc, streamID: track.id.sessionID.rawValue,
                trackID: track.id.kind.rawValue))
        state.down[track.id] = mid
        showDownlinks(state)
    }

    private func removeDownlinks(_ state: inout State, _ matches: (TrackID) -> Bool) {
        for (track, mid) in state.down where matches(track) {
            try? server.setDirection(.inactive, of: mid)
            state.down[track] = nil
        }
        showDownlinks(state)
    }

    private func showDownlinks(_ state: State) {
        downlinks.set(Dictionary(state.down.map { ($1, $0) }) { first, _ in first })
    }

    /// One offer of the forwarder and its answer. Both sides are ours: what cannot fail is not told; what was closed
    /// meanwhile does not matter.
    private func negotiate(_ state: inout State, sending: (mid: String, track: LocalTrack)? = nil) {
        do {
            try client.acceptOffer(try server.makeOffer())
            for mid in state.up.values where mid != sending?.mid { try client.setDirection(.sendOnly, of: mid) }
            if let sending { try client.setDirection(.sendOnly, of: sending.mid, track: sending.track) }
            try server.acceptAnswer(try client.makeAnswer())
        } catch {
            if !state.isClosed { sinks.tell(.connectionLost(reason: "\(error)")) }
        }
    }

    // MARK: Packets

    /// From the session to the room. Any thread.
    func send(_ packet: RTPPacket, _ kind: TrackKind) {
        if let mid = uplinks.mid(kind) { client.send(packet, mid: mid) }
    }

    /// From the room to the session. Any thread.
    func deliver(_ packet: RTPPacket, _ track: TrackID) {
        if let mid = downlinks.mid(track) { server.send(packet, mid: mid) }
    }

    var statistics: TransportStatistics {
        var statistics = TransportStatistics()
        statistics.add(client.statistics, sent: uplinks.all, received: downlinks.all)
        return statistics
    }

    func close() async {
        state.withLock { $0.isClosed = true }
        async let first: Void = client.close()
        async let second: Void = server.close()
        _ = await (first, second)
    }
}

/// Which kind each m-line up carries, and the other way round: read for every packet.
private final class KindTable: Sendable {
    private struct State {
        var kinds: [String: TrackKind] = [:]
        var mids: [TrackKind: String] = [:]
    }

    private let state = Mutex(State())

    subscript(mid: String) -> TrackKind? { state.withLock { $0.kinds[mid] } }
    func mid(_ kind: TrackKind) -> String? { state.withLock { $0.mids[kind] } }
    var all: [String: TrackKind] { state.withLock { $0.kinds } }

    func set(_ kinds: [String: TrackKind]) {
        state.withLock { state in
            state.kinds = kinds
            state.mids = Dictionary(kinds.map { ($1, $0) }) { first, _ in first }
        }
    }
}

/// Candidates of one side for the other, which is there later, and takes them after its first description.
private final class CandidateExchange: Sendable {
    private struct State {
        weak var target: PeerConnection?
        var waiting: [String] = []
    }

    private let state = Mutex(State())

    func add(_ candidate: String) {
        let target = state.withLock { state in
            if state.target == nil { state.waiting.append(candidate) }
            return state.target
        }
        try? target?.addCandidate(candidate)
    }

    func start(to target: PeerConnection) {
        let waiting = state.withLock { state in
            state.target = target
            defer { state.waiting = [] }
            return state.waiting
        }
        for candidate in waiting { try? target.addCandidate(candidate) }
    }
}

/// Where a leg's packets and events go, once it has begun.
private final class Sink: Sendable {
    struct Targets {
        var up: @Sendable (RTPPacket, TrackKind) -> Void
        var down: @Sendable (TrackID, RTPPacket) -> Void
        var event: @Sendable (SessionEvent) -> Void
    }

    private let targets = Mutex<Targets?>(nil)

    func set(_ new: Targets) { targets.withLock { $0 = new } }
    func up(_ packet: RTPPacket, _ kind: TrackKind) { targets.withLock { $0 }?.up(packet, kind) }
    func down(_ track: TrackID, _ packet: RTPPacket) { targets.withLock { $0 }?.down(track, packet) }
    func tell(_ event: SessionEvent) { targets.withLock { $0 }?.event(event) }
}
