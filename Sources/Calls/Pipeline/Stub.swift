// Stand-ins so that the call life cycle builds; whoever lands a type of the same name deletes its stand-in here.
import Codecs
import Media
import RTP
import Rooms
final class VideoSender: @unchecked Sendable {
    struct S { var packets = 0, bytes = 0, droppedStale = 0; var firstPacketAt: MonotonicInstant? }
    init(
        target: VideoTarget, ssrc: SSRC, notBefore: MonotonicInstant, now: @escaping @Sendable () -> MonotonicInstant,
        send: @escaping @Sendable (RTPPacket) -> Void
    ) {}
    func offer(_ f: VideoFrame) {}
    func requestKeyframe() {}
    var statistics = S()
    func run() async { try? await Task.sleep(for: .seconds(100)) }
}
final class VideoReceiver: @unchecked Sendable {
    struct S {
        var packets = 0, lost = 0, framesDecoded = 0;
        var firstPacketAt: MonotonicInstant?, firstFrameAt: MonotonicInstant?
    }
    init(
        now: @escaping @Sendable () -> MonotonicInstant, requestKeyframe: @escaping @Sendable () -> Void,
        deliver: @escaping @Sendable (VideoFrame) -> Void
    ) {}
    func receive(_ p: RTPPacket) {}
    func stop() {}
    var statistics = S()
    func run() async { try? await Task.sleep(for: .seconds(100)) }
}
