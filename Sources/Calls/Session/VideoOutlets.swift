public import Media
public import Rooms
import Synchronization

/// A picture with the track it came from.
public struct TrackFrame: Sendable {
    public var track: TrackID
    public var frame: VideoFrame
}

/// Hands pictures to whoever shows them.
///
/// Lives as long as the call: an observer attached before the first join sees the pictures of every later session.
final class VideoOutlets: Sendable {
    private struct Outlet {
        let isLocal: Bool
        let continuation: AsyncStream<TrackFrame>.Continuation
    }

    private struct State {
        var outlets: [Int: Outlet] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    func stream(isLocal: Bool) -> AsyncStream<TrackFrame> {
        // The newest only: a slow observer holds one picture, not a queue of the camera's buffers.
        let (stream, continuation) = AsyncStream.makeStream(of: TrackFrame.self, bufferingPolicy: .bufferingNewest(1))
        let key = state.withLock { state in
            state.next += 1
            state.outlets[state.next] = Outlet(isLocal: isLocal, continuation: continuation)
            return state.next
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.state.withLock { $0.outlets.removeValue(forKey: key) }
        }
        return stream
    }

    func deliver(_ frame: VideoFrame, track: TrackID, isLocal: Bool) {
        for outlet in state.withLock({ Array($0.outlets.values) }) where outlet.isLocal == isLocal {
            outlet.continuation.yield(TrackFrame(track: track, frame: frame))
        }
    }
}

extension Call {
    /// The pictures of everybody else, decoded (I420), in this and every later session; a slow observer skips some.
    public var remoteVideo: AsyncStream<TrackFrame> { video.stream(isLocal: false) }

    /// The pictures of this machine's own camera and screen as they are captured, in this and every later session.
    public var localVideo: AsyncStream<TrackFrame> { video.stream(isLocal: true) }
}
