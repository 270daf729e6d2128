import Reprise
import Synchronization

/// Looks at the stamps of a camera's pictures: none may be older than its session's join.
final class PictureStamps: Sendable {
    private struct State {
        var joinedAt: MonotonicInstant?
        var session: SessionID?
        var stale: Duration?
    }

    private final class Record: Sendable { let state = Mutex(State()) }

    private let record = Record()
    private let follower: Task<Void, Never>

    init(_ call: Call) {
        let (pictures, record) = (call.localVideo, record)
        follower = Task {
            for await picture in pictures {
                record.state.withLock { state in
                    // One of the session before may be looked at only now.
                    guard let joinedAt = state.joinedAt, picture.track.sessionID == state.session,
                        picture.frame.capturedAt < joinedAt
                    else { return }
                    state.stale = joinedAt - picture.frame.capturedAt
                }
            }
        }
    }

    deinit { follower.cancel() }

    /// A session is about to be joined.
    func begin(_ session: SessionID, _ joinedAt: MonotonicInstant) {
        record.state.withLock { $0 = State(joinedAt: joinedAt, session: session) }
    }

    /// How much older than the join a picture of this session was; nil where none was.
    var stale: Duration? { record.state.withLock { $0.stale } }
}
