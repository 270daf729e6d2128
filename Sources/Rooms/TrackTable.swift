import Synchronization

/// Which track each m-line carries, and the other way round: read for every packet.
final class TrackTable: Sendable {
    private struct State {
        var tracks: [String: TrackID] = [:]
        var mids: [TrackID: String] = [:]
    }

    private let state = Mutex(State())

    subscript(mid: String) -> TrackID? { state.withLock { $0.tracks[mid] } }
    func mid(_ track: TrackID) -> String? { state.withLock { $0.mids[track] } }
    var all: [String: TrackID] { state.withLock { $0.tracks } }

    func set(_ tracks: [String: TrackID]) {
        state.withLock { state in
            state.tracks = tracks
            state.mids = Dictionary(tracks.map { ($1, $0) }) { first, _ in first }
        }
    }
}
