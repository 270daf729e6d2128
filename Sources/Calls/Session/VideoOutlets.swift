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
        var observers: [Int: @Sendable (TrackFrame) -> Void] = [:]
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

    /// Calls somebody for every picture of the others.
    func observe(_ show: @escaping @Sendable (TrackFrame) -> Void) -> VideoObservation {
        let key = state.withLock { state in
            state.next += 1
            state.observers[state.next] = show
            return state.next
        }
        return VideoObservation { [weak self] in
            // Let go of outside the lock: what it captured may end with it.
            let removed = self?.state.withLock { $0.observers.removeValue(forKey: key) }
            withExtendedLifetime(removed) {}
        }
    }

    func deliver(_ frame: VideoFrame, track: TrackID, isLocal: Bool) {
        let (outlets, observers) = state.withLock { state in
            (Array(state.outlets.values), isLocal ? [] : Array(state.observers.values))
        }
        let trackFrame = TrackFrame(track: track, frame: frame)
        for outlet in outlets where outlet.isLocal == isLocal { outlet.continuation.yield(trackFrame) }
        for show in observers { show(trackFrame) }
    }
}

/// An observer of pictures: observes until it is cancelled or let go of.
public final class VideoObservation: Sendable {
    private let end: @Sendable () -> Void

    init(end: @escaping @Sendable () -> Void) { self.end = end }

    deinit { end() }

    /// Ends it. A call that is under way on another thread may still come to its end. Any number of times.
    public func cancel() { end() }
}

extension Call {
    /// Calls somebody for every picture of everybody else, decoded (I420), in this and every later session.
    /// - `show`: on the decoder's thread, one track's pictures one after the other; what it takes long for comes late for
    ///   all. Keeping a frame keeps its memory.
    /// - Returns: what keeps the observation; it ends when that is cancelled or let go of.
    public func onRemoteVideo(_ show: @escaping @Sendable (TrackFrame) -> Void) -> VideoObservation {
        video.observe(show)
    }

    /// The pictures of everybody else, decoded (I420), in this and every later session; a slow observer skips some.
    public var remoteVideo: AsyncStream<TrackFrame> { video.stream(isLocal: false) }

    /// The pictures of this machine's own camera and screen as they are captured, in this and every later session.
    public var localVideo: AsyncStream<TrackFrame> { video.stream(isLocal: true) }
}
