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
        follower = Task { for await frame in frames { keep.set(frame.frame) } }
    }

    deinit { follower.cancel() }

    /// Gives a picture on its way a second to come.
    func waitForPicture() async {
        for _ in 0..<50 where kept.value == nil && !Task.isCancelled { try? await Task.sleep(for: .milliseconds(20)) }
    }

    /// Forgets what came so far.
    func forget() { kept.set(nil) }

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

/// The newest picture.
private final class KeptPicture: Sendable {
    private let frame = Mutex<VideoFrame?>(nil)
    var value: VideoFrame? { frame.withLock { $0 } }
    func set(_ frame: VideoFrame?) { self.frame.withLock { $0 = frame } }
}
