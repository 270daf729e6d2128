internal import RTP
internal import WebRTC
import Synchronization

/// What a session receives: one multistream handle for the tracks of all others, renegotiated as they come and go.
///
/// The m-lines of those who are gone turn inactive. Janus 1.1.2 takes them up again for others, under the same SSRC and
/// with numbers from 1, which its own SRTP then refuses as replays ("srtp_err_status_replay_fail" in its log): nothing
/// would be heard. So a subscriber that somebody has left takes nobody new; another takes its place, see ``canTake(_:)``.
final class JanusSubscriber: Sendable {
    /// A track of somebody, as the server names it.
    struct Feed: Hashable {
        var id: JanusID
        var mid: String

        var json: JSON { ["feed": id.json, "mid": .string(mid)] }
    }

    /// What there is to be received, and which track each is.
    typealias Feeds = [Feed: TrackID]

    private struct State {
        var wanted: Feeds = [:]
        var subscribed: Set<Feed> = []
        var tracks: [String: TrackID] = [:]
        var hasJoined = false
        /// Whether a feed has ended that an m-line was made for.
        var hasDeparted = false
    }

    private let connection: JanusConnection
    let handle: Int64
    private let join: @Sendable () -> JSON
    let peer: PeerConnection
    private let candidates = CandidateQueue()
    private let state: Mutex<State>
    private let negotiation = AsyncLock()
    private let onFailure: @Sendable (String) -> Void

    /// - `join`: the members of the request to join as a subscriber, without the streams.
    /// - `onPacket`: a packet of a remote track, on the loop's thread.
    /// - `onFailure`: a negotiation failed: nothing new will be received.
    init(
        _ connection: JanusConnection, handle: Int64, join: @escaping @Sendable () -> JSON,
        _ configuration: PeerConnectionConfiguration,
        onEvent: @escaping @Sendable (PeerConnectionEvent) -> Void,
        onPacket: @escaping @Sendable (TrackID, RTPPacket) -> Void, onFailure: @escaping @Sendable (String) -> Void
    ) throws {
        self.connection = connection
        self.handle = handle
        self.join = join
        self.onFailure = onFailure
        let tracks = TrackTable()
        table = tracks
        state = Mutex(State())
        peer = try PeerConnection(configuration) { event in
            switch event {
            case .candidate(let line, let mid): connection.trickle(handle, candidate: line, mid: mid)
            case .gatheringComplete: connection.trickle(handle, candidate: nil, mid: "")
            default: onEvent(event)
            }
        } onPacket: { mid, packet in
            if let track = tracks[mid] { onPacket(track, packet) }
        }
    }

    private let table: TrackTable

    var tracks: [String: TrackID] { table.all }

    func mid(of track: TrackID) -> String? { table.mid(track) }

    /// Whether these feeds can be received without an m-line that is used again.
    func canTake(_ feeds: Feeds) -> Bool {
        state.withLock { state in
            let isComplete = feeds.keys.allSatisfy(state.subscribed.contains)
            return isComplete || !state.hasDeparted && state.subscribed.isSubset(of: feeds.keys)
        }
    }

    /// Says what to receive; returns when the server was asked for what is new.
    func want(_ feeds: Feeds) async throws {
        state.withLock { state in
            state.wanted = feeds
            // The server lets go by itself of what is no longer published.
            let departed = state.subscribed.subtracting(feeds.keys)
            state.subscribed.subtract(departed)
            state.hasDeparted = state.hasDeparted || !departed.isEmpty
        }
        try await negotiation.run { [self] in try await subscribe() }
    }

    /// Asks for what may be there, before it is known: whoever comes back meets the same people, as a rule, and has their
    /// tracks a round trip sooner. Where that fails nothing was asked.
    func guess(_ feeds: Feeds) {
        state.withLock { $0.wanted = feeds }
        negotiation.start { [self] in
            do { try await subscribe() } catch {
                state.withLock { state in
                    state.subscribed = []
                    state.hasJoined = false
                }
            }
        }
    }

    /// Returns when all that was asked for so far has been answered.
    func settle() async { try? await negotiation.run {} }

    private func subscribe() async throws {
        let (new, isFirst) = state.withLock { state in
            let new = state.wanted.keys.filter { !state.subscribed.contains($0) }
            state.subscribed.formUnion(new)
            defer { if !new.isEmpty { state.hasJoined = true } }
            return (new, !state.hasJoined)
        }
        guard !new.isEmpty else { return }
        let streams = JSON.array(new.map(\.json))
        var body = join()
        if isFirst {
            body.set("streams", streams)
        } else {
            body = ["request": "update", "subscribe": streams]
        }
        do {
            let (event, offer) = try await connection.ask(handle, body)
            try await take(event, offer)
        } catch let failure as JanusFailure where failure.code == 428 {
            // Gone again meanwhile: its leaving is told apart.
            state.withLock { state in
                state.subscribed.subtract(new)
                if isFirst { state.hasJoined = false }
            }
        } catch let failure as JanusFailure {
            throw failure.serviceError("subscribe")
        }
    }

    /// What the server says unasked. On the service thread.
    func receive(_ event: VideoRoomEvent, _ offer: JanusDescription?) {
        negotiation.start { [self] in
            do { try await take(event, offer) } catch { onFailure("\(error)") }
        }
    }

    /// Within ``negotiation``.
    private func take(_ event: VideoRoomEvent, _ offer: JanusDescription?) async throws {
        switch event {
        case .attached(let streams), .updated(let streams?): follow(streams)
        default: break
        }
        guard let offer, offer.isOffer else { return }
        try peer.acceptOffer(offer.sdp)
        let answer = try peer.makeAnswer()
        candidates.flush(to: peer)
        do {
            _ = try await connection.ask(
                handle, ["request": "start"], jsep: JanusDescription.json(type: "answer", sdp: answer))
        } catch let failure as JanusFailure {
            throw failure.serviceError("answer the room's offer")
        }
    }

    private func follow(_ streams: [VideoRoomStream]) {
        let wanted = state.withLock { $0.wanted }
        var tracks: [String: TrackID] = [:]
        for stream in streams where stream.isActive {
            guard let feed = stream.feed, let mid = stream.feedMid else { continue }
            tracks[stream.mid] = wanted[Feed(id: feed, mid: mid)]
        }
        table.set(tracks)
    }

    func add(candidate: String) { candidates.add(candidate, to: peer) }

    func close() async {
        async let told: Void = connection.detach(handle)
        await peer.close()
        await told
    }

    /// New paths for what is received.
    func restartICE() async throws {
        try await negotiation.run { [self] in
            guard state.withLock({ $0.hasJoined }) else { return }
            do {
                let (event, offer) = try await connection.ask(handle, ["request": "configure", "restart": true])
                try await take(event, offer)
            } catch let failure as JanusFailure {
                throw failure.serviceError("restart ICE")
            }
        }
    }
}

extension JSON {
    /// Sets a member of an object; nil leaves it as it is.
    mutating func set(_ key: String, _ value: JSON?) {
        guard case .object(var members) = self, let value else { return }
        members[key] = value
        self = .object(members)
    }
}
