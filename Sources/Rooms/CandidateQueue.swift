internal import WebRTC
import Synchronization

/// Candidates of the far side that came before its description: signalling may be faster on one way than on the other.
final class CandidateQueue: Sendable {
    private struct State {
        var isReady = false
        var waiting: [String] = []
    }

    // More than any peer gathers; what comes above is dropped.
    private static let limit = 256

    private let state = Mutex(State())

    /// Takes a candidate, or "" for the last.
    func add(_ candidate: String, to connection: PeerConnection) {
        let isReady = state.withLock { state in
            if !state.isReady, state.waiting.count < Self.limit { state.waiting.append(candidate) }
            return state.isReady
        }
        // A candidate that cannot be read is one less to try.
        if isReady { try? connection.addCandidate(candidate) }
    }

    /// The description is there.
    func flush(to connection: PeerConnection) {
        let waiting = state.withLock { state in
            state.isReady = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for candidate in waiting { try? connection.addCandidate(candidate) }
    }
}
