// Stand-ins so that the call life cycle builds; whoever lands a type of the same name deletes its stand-in here.
import Codecs
import Media
import RTP
import Rooms
final class AudioSender: @unchecked Sendable {
    struct S {
        var framesIn = 0, packets = 0, bytes = 0, droppedStale = 0; var peak = 0.0, levelDBov = -127.0;
        var firstBlockAt: MonotonicInstant?, firstPacketAt: MonotonicInstant?
    }
    init(
        ring: AudioRing, settings: OpusSettings, ssrc: SSRC, notBefore: MonotonicInstant,
        now: @escaping @Sendable () -> MonotonicInstant, send: @escaping @Sendable (RTPPacket) -> Void
    ) throws(CodecError) {}
    func run() async { try? await Task.sleep(for: .seconds(100)) }
    var onFirstBlock: (@Sendable () -> Void)? {
        get { nil }
        set { newValue?() }
    }
    var isMuted = false
    var gain: Float = 1
    var statistics = S()
}
final class AudioReceiver: @unchecked Sendable {
    struct S {
        var packets = 0, lost = 0, concealed = 0; var jitter = Duration.zero; var levelDBov = -127.0;
        var firstPacketAt: MonotonicInstant?, firstSoundAt: MonotonicInstant?
    }
    init(ring: AudioRing, settings: OpusSettings, now: @escaping @Sendable () -> MonotonicInstant) throws(CodecError) {}
    func addTrack(_ t: TrackID) {}
    func removeTrack(_ t: TrackID) {}
    func receive(_ p: RTPPacket, track: TrackID) {}
    func run() async { try? await Task.sleep(for: .seconds(100)) }
    var isMuted = false
    var volume: Float = 1
    var statistics: [TrackID: S] = [:]
}
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
