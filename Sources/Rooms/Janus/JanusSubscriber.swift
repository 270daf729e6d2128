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

    /// Whom its news and packets go to.
    struct Listener: Sendable {
        /// What the server says of the handle unasked. On the service thread, in order.
        var onMessage: @Sendable (JanusMessage.Content, Int64) -> Void
        /// On the loop's thread.
        var onEvent: @Sendable (PeerConnectionEvent) -> Void
        /// A packet of a remote track, on the loop's thread.
        var onPacket: @Sendable (TrackID, RTPPacket) -> Void
        /// A negotiation failed: nothing new will be received.
        var onFailure: @Sendable (String) -> Void
    }

    private struct State {
        var wanted: Feeds = [:]
        var subscribed: Set<Feed> = []
        /// What each m-line carries.
        var lines: [String: Feed] = [:]
        var hasJoined = false
        /// Whether a feed has ended that an m-line was made for.
        var hasDeparted = false
        /// What it had received when it was parked; nil: it has not been.
        var before: RTPTransportStatistics?
    }

    /// The listener of the moment. Of its closures each way copies the one that it calls: packets are many.
    private final class Outlet: Sendable {
        private let listener: Mutex<Listener>

        init(_ listener: Listener) { self.listener = Mutex(listener) }

        func turn(to next: Listener) { listener.withLock { $0 = next } }
        func tell(_ event: PeerConnectionEvent) { listener.withLock { $0.onEvent }(event) }
        func hand(_ track: TrackID, _ packet: RTPPacket) { listener.withLock { $0.onPacket }(track, packet) }
        func fail(_ reason: String) { listener.withLock { $0.onFailure }(reason) }
    }

    private let connection: JanusConnection
    let handle: Int64
    private let join: @Sendable () -> JSON
    let peer: PeerConnection
    private let candidates = CandidateQueue()
    private let state: Mutex<State>
    private let negotiation = AsyncLock()
    private let outlet: Outlet

    /// - `join`: the members of the request to join as a subscriber, without the streams.
    /// - `listener`: hears all but what the server says of the handle, which it is attached for.
    init(
        _ connection: JanusConnection, handle: Int64, join: @escaping @Sendable () -> JSON,
        _ configuration: PeerConnectionConfiguration, _ listener: Listener
    ) throws {
        self.connection = connection
        self.handle = handle
        self.join = join
        let outlet = Outlet(listener)
        self.outlet = outlet
        let tracks = TrackTable()
        table = tracks
        state = Mutex(State())
        peer = try PeerConnection(configuration) { event in
            switch event {
            case .candidate(let line, let mid): connection.trickle(handle, candidate: line, mid: mid)
            case .gatheringComplete: connection.trickle(handle, candidate: nil, mid: "")
            default: outlet.tell(event)
            }
        } onPacket: { mid, packet in
            if let track = tracks[mid] { outlet.hand(track, packet) }
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
        showTracks()
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
            do { try await take(event, offer) } catch { outlet.fail("\(error)") }
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
        var lines: [String: Feed] = [:]
        for stream in streams where stream.isActive {
            guard let feed = stream.feed, let mid = stream.feedMid else { continue }
            lines[stream.mid] = Feed(id: feed, mid: mid)
        }
        state.withLock { $0.lines = lines }
        showTracks()
    }

    private func showTracks() {
        table.set(state.withLock { state in state.lines.compactMapValues { state.wanted[$0] } })
    }

    func add(candidate: String) { candidates.add(candidate, to: peer) }

    func close() async {
        async let told: Void = connection.detach(handle)
        await peer.close()
        await told
    }

    // MARK: From one session to the next

    /// Stays connected, paused at the server: nothing comes by it but what keeps the path.
    /// - `listener`: is heard from now on.
    /// - Returns: whether it does; where not, it is closed, without waiting for a server that does not answer.
    func park(_ listener: Listener) async -> Bool {
        listen(listener)
        let isWhole = state.withLock { $0.hasJoined && !$0.hasDeparted && !$0.subscribed.isEmpty }
        guard isWhole, !negotiation.isBusy, peer.statistics.state == .connected else {
            await close()
            return false
        }
        let (connection, handle) = (connection, handle)
        // Whoever leaves may be cancelled.
        let isPaused = await Task {
            let limit = JanusConnection.farewellLimit
            return (try? await connection.ask(handle, ["request": "pause"], limit: limit)) != nil
        }.value
        guard isPaused else {
            Task { await connection.detach(handle) }
            await peer.close()
            return false
        }
        let received = peer.statistics.rtp
        state.withLock { $0.before = received }
        return true
    }

    /// Receives again what it was parked with, for another session. Where the server refuses it takes nothing more, see
    /// ``canTake(_:)``.
    func resume(_ listener: Listener) {
        listen(listener)
        negotiation.start { [self] in
            let isStarted = (try? await connection.ask(handle, ["request": "start"])) != nil
            // The path may have ended before there was a room to tell it to.
            if isStarted, peer.statistics.state == .connected { return }
            state.withLock { state in
                state.subscribed = []
                state.hasDeparted = true
            }
        }
    }

    private func listen(_ listener: Listener) {
        outlet.turn(to: listener)
        connection.listen(to: handle, onEvent: listener.onMessage)
    }

    /// Pictures that were missed while it was parked are what the next build on.
    func requestKeyframesAfterParking() {
        guard state.withLock({ $0.before != nil }) else { return }
        for (mid, track) in tracks where track.kind != .audio { peer.requestKeyframe(mid: mid) }
    }

    /// Of this session: what was received before it does not count, and a way that was open has no opening.
    var statistics: PeerConnectionStatistics {
        var statistics = peer.statistics
        guard let before = state.withLock({ $0.before }) else { return statistics }
        statistics.begunAt = nil
        statistics.rtp?.subtractReceived(before)
        return statistics
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

extension RTPTransportStatistics {
    fileprivate mutating func subtractReceived(_ before: RTPTransportStatistics) {
        for index in receivers.indices {
            guard let earlier = before.receivers.first(where: { $0.mid == receivers[index].mid }) else { continue }
            receivers[index].packets -= earlier.packets
            receivers[index].payloadBytes -= earlier.payloadBytes
            receivers[index].lost -= earlier.lost
            receivers[index].nackedPackets -= earlier.nackedPackets
            receivers[index].recovered -= earlier.recovered
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
