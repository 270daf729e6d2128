internal import RTP
internal import WebRTC
import Synchronization

/// What a session sends: the publisher's handle in the room, and the peer connection of its tracks.
final class JanusPublisher: Sendable {
    private struct State {
        var mids: [TrackKind: String] = [:]
        /// Kinds that the server knows and that are not taken back.
        var published: Set<TrackKind> = []
        var hasPublished = false
    }

    private let connection: JanusConnection
    let handle: Int64
    private let session: SessionID
    let peer: PeerConnection
    private let candidates = CandidateQueue()
    private let state = Mutex(State())
    private let negotiation = AsyncLock()

    init(
        _ connection: JanusConnection, handle: Int64, session: SessionID, _ configuration: PeerConnectionConfiguration,
        onEvent: @escaping @Sendable (PeerConnectionEvent) -> Void
    ) throws {
        self.connection = connection
        self.handle = handle
        self.session = session
        peer = try PeerConnection(configuration) { event in
            switch event {
            case .candidate(let line, let mid): connection.trickle(handle, candidate: line, mid: mid)
            case .gatheringComplete: connection.trickle(handle, candidate: nil, mid: "")
            default: onEvent(event)
            }
        } onPacket: { _, _ in
        }
    }

    /// The m-line that carries a kind; nil while it is not published.
    func mid(_ kind: TrackKind) -> String? {
        state.withLock { $0.published.contains(kind) ? $0.mids[kind] : nil }
    }

    var kinds: [String: TrackKind] {
        state.withLock { state in Dictionary(state.mids.map { ($1, $0) }) { first, _ in first } }
    }

    func publish(_ track: TrackInfo) async throws {
        try await negotiation.run { [self] in
            let kind = track.id.kind
            let (isPublished, mid) = state.withLock { ($0.published.contains(kind), $0.mids[kind]) }
            guard !isPublished else { return }
            let local = LocalTrack(ssrc: track.ssrc, streamID: session.rawValue, trackID: kind.rawValue)
            if let mid {
                try peer.setDirection(.sendOnly, of: mid, track: local)
            } else {
                let mid = peer.addTransceiver(kind == .audio ? .audio : .video, .sendOnly, track: local)
                state.withLock { $0.mids[kind] = mid }
            }
            try await negotiate(iceRestart: false)
            state.withLock { _ = $0.published.insert(kind) }
        }
    }

    func unpublish(_ kind: TrackKind) async throws {
        try await negotiation.run { [self] in
            guard let mid = state.withLock({ $0.published.remove(kind) != nil ? $0.mids[kind] : nil }) else { return }
            try peer.setDirection(.inactive, of: mid)
            try await negotiate(iceRestart: false)
        }
    }

    /// New paths for what is published.
    func restartICE() async throws {
        try await negotiation.run { [self] in
            if state.withLock({ $0.hasPublished }) { try await negotiate(iceRestart: true) }
        }
    }

    /// One offer and its answer. Within ``negotiation``.
    private func negotiate(iceRestart: Bool) async throws {
        let (isFirst, mids) = state.withLock { (!$0.hasPublished, $0.mids) }
        let offer = try peer.makeOffer(iceRestart: iceRestart)
        let descriptions = mids.map { kind, mid -> JSON in
            ["mid": .string(mid), "description": .string(kind.rawValue)]
        }
        let body: JSON = [
            "request": isFirst ? "publish" : "configure", "descriptions": .array(descriptions),
        ]
        let answer: JanusDescription?
        do {
            (_, answer) = try await connection.ask(handle, body, jsep: JanusDescription.json(type: "offer", sdp: offer))
        } catch let failure as JanusFailure {
            throw failure.serviceError("publish")
        }
        guard let answer, !answer.isOffer else {
            throw ServiceError(.refused, operation: "publish", reason: "Janus gave no answer to the offer")
        }
        try peer.acceptAnswer(answer.sdp)
        state.withLock { $0.hasPublished = true }
        candidates.flush(to: peer)
    }

    func add(candidate: String) { candidates.add(candidate, to: peer) }

    func close() async {
        async let told: Void = connection.detach(handle)
        await peer.close()
        await told
    }

    /// Tells the server whether to forward a track, and everybody what is muted.
    func setMuted(_ isMuted: Bool, _ kind: TrackKind, display: JanusDisplay) async throws {
        try await negotiation.run { [self] in
            guard let mid = mid(kind) else { return }
            let body: JSON = [
                "request": "configure", "streams": [["mid": .string(mid), "send": .bool(!isMuted)]],
                "display": .string(display.text),
            ]
            do { _ = try await connection.ask(handle, body) } catch let failure as JanusFailure {
                throw failure.serviceError("mute \(kind)")
            }
        }
    }
}
