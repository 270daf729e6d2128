import Media
import RTP
import Rooms
import Synchronization

/// A session's way to its room: the transport of the moment, and what is published over it.
final class SessionLink: Sendable {
    struct State {
        var transport: (any RoomSession)?
        /// The session's id: another after a rejoin.
        var sessionID: SessionID
        var published: [TrackKind: TrackInfo] = [:]
    }

    let state: Mutex<State>
    private let ssrcs: [TrackKind: SSRC]

    /// - `randomSSRC`: chooses an SSRC (RFC 3550 §8.1).
    init(_ sessionID: SessionID, randomSSRC: () -> SSRC = { SSRC(rawValue: .random(in: 1...UInt32.max)) }) {
        state = Mutex(State(transport: nil, sessionID: sessionID))
        var ssrcs: [TrackKind: SSRC] = [:]
        for kind in TrackKind.allCases {
            var ssrc = randomSSRC()
            while ssrcs.values.contains(ssrc) { ssrc = randomSSRC() }
            ssrcs[kind] = ssrc
        }
        self.ssrcs = ssrcs
    }

    func ssrc(_ kind: TrackKind) -> SSRC { ssrcs[kind] ?? 0 }

    var transport: (any RoomSession)? { state.withLock { $0.transport } }
    var sessionID: SessionID { state.withLock { $0.sessionID } }

    func set(_ transport: any RoomSession, _ sessionID: SessionID) {
        state.withLock { state in
            state.transport = transport
            state.sessionID = sessionID
        }
    }

    /// Whether the others know of a track.
    func isPublished(_ kind: TrackKind) -> Bool { state.withLock { $0.published[kind] != nil } }

    /// Whether the others know of a track that is not muted.
    func isOn(_ kind: TrackKind) -> Bool { state.withLock { $0.published[kind]?.isMuted == false } }

    /// Any thread.
    func send(_ packet: RTPPacket, _ kind: TrackKind) { transport?.send(packet, track: kind) }

    /// Tells the others that a track begins or is muted.
    func announce(_ kind: TrackKind, isOn: Bool) async throws {
        let (transport, track, isNew) = state.withLock { state -> ((any RoomSession)?, TrackInfo, Bool) in
            let isNew = state.published[kind] == nil
            let track = TrackInfo(
                id: TrackID(sessionID: state.sessionID, kind: kind), ssrc: ssrc(kind), isMuted: !isOn)
            if isOn || !isNew { state.published[kind] = track }
            return (state.transport, track, isNew)
        }
        guard let transport else { return }
        if isNew {
            if isOn { try await transport.publish(track) }
        } else {
            try await transport.setMuted(!isOn, track: kind)
        }
    }

    /// Announces again what was published, over a new transport.
    func announceAll() async throws {
        let (transport, tracks) = state.withLock { state -> ((any RoomSession)?, [TrackInfo]) in
            for (kind, track) in state.published {
                state.published[kind] = TrackInfo(
                    id: TrackID(sessionID: state.sessionID, kind: kind), ssrc: track.ssrc, isMuted: track.isMuted)
            }
            return (state.transport, Array(state.published.values))
        }
        for track in tracks { try await transport?.publish(track) }
    }
}
