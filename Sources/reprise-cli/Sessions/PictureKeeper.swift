import Codecs
import Reprise
import Synchronization

/// Keeps the newest picture that came back from the room, for `--snapshot`.
final class PictureKeeper: Sendable {
    private let kept: KeptPicture
    private let follower: Task<Void, Never>

    init(_ call: Call) {
        let frames = call.remoteVideo
        let keep = KeptPicture()
        kept = keep
        follower = Task { for await frame in frames { keep.set(frame) } }
    }

    deinit { follower.cancel() }

    /// Gives a picture on its way a second to come.
    func waitForPicture() async {
        for _ in 0..<50 where kept.value == nil && !Task.isCancelled { try? await Task.sleep(for: .milliseconds(20)) }
    }

    /// Forgets what came so far.
    func forget() { kept.forget() }

    /// Writes the newest picture of somebody, and forgets it. Nothing where none came.
    /// - Throws: `CodecError` where the file cannot be written.
    func save(of session: SessionID, to path: String) throws(CodecError) {
        if let frame = kept.take(session) { try ImageFile.write(frame, to: path) }
    }

    /// - Throws: `CodecError` where the file cannot be written.
    func saveIfThere(to path: String) throws {
        if let frame = kept.value { try ImageFile.write(frame, to: path) }
    }

    /// - Throws: `CommandError` where no picture came; `CodecError` where the file cannot be written.
    func save(to path: String?) throws {
        guard let path else { return }
        guard let frame = kept.value else {
            throw CommandError("No picture came back from the room, so \(path) was not written.")
        }
        try ImageFile.write(frame, to: path)
        note("Wrote \(path) (\(frame.width)x\(frame.height)).")
    }
}

/// The newest picture, and of everybody the newest.
private final class KeptPicture: Sendable {
    private struct State {
        var newest: VideoFrame?
        var others: [SessionID: VideoFrame] = [:]
    }

    private let state = Mutex(State())

    var value: VideoFrame? { state.withLock { $0.newest } }

    func set(_ picture: TrackFrame) {
        state.withLock { state in
            state.newest = picture.frame
            state.others[picture.track.sessionID] = picture.frame
        }
    }

    func take(_ session: SessionID) -> VideoFrame? { state.withLock { $0.others.removeValue(forKey: session) } }

    func forget() { state.withLock { $0 = State() } }
}
