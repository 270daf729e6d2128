import Codecs
import Reprise
import Synchronization

/// Keeps the newest picture that came back from the room, for `--snapshot`; where none came, the camera's own.
final class PictureKeeper: Sendable {
    private let call: Call
    private let follower: Task<Void, Never>

    init(_ call: Call) {
        self.call = call
        let frames = call.remoteVideo
        let keep = KeptPicture()
        kept = keep
        follower = Task { for await frame in frames { keep.set(frame.frame) } }
    }

    private let kept: KeptPicture
    private let own = KeptPicture()

    deinit { follower.cancel() }

    /// Gives a picture on its way a second to come, and else takes the camera's own.
    func waitForPicture() async {
        await waitForRemotePicture()
        guard kept.value == nil else { return }
        let (pictures, own) = (call.localVideo, own)
        let taker = Task {
            for await picture in pictures {
                own.set(picture.frame)
                break
            }
        }
        for _ in 0..<50 where own.value == nil && !Task.isCancelled { try? await Task.sleep(for: .milliseconds(20)) }
        taker.cancel()
    }

    private func waitForRemotePicture() async {
        for _ in 0..<50 where kept.value == nil && !Task.isCancelled { try? await Task.sleep(for: .milliseconds(20)) }
    }

    /// - Throws: `CommandError` where no picture came; `CodecError` where the file cannot be written.
    func save(to path: String?) throws {
        guard let path else { return }
        guard let frame = kept.value ?? own.value else {
            throw CommandError("There was no picture in the call, so \(path) was not written.")
        }
        try ImageFile.write(frame, to: path)
        let source = kept.value == nil ? "the camera's own picture: none came back from the room" : "as it came back"
        note("Wrote \(path) (\(frame.width)x\(frame.height), \(source)).")
    }
}

/// The newest picture.
private final class KeptPicture: Sendable {
    private let frame = Mutex<VideoFrame?>(nil)
    var value: VideoFrame? { frame.withLock { $0 } }
    func set(_ frame: VideoFrame) { self.frame.withLock { $0 = frame } }
}
