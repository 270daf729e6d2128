import Codecs
import Media
import RTP
import Synchronization

/// Sends the pictures of a camera or a screen.
///
/// The way of a picture:
///
///     device thread ─▶ offer: drop what is stale ─▶ the latest one ─▶ PixelConverter (I420, at most the target's size)
///                                                                          │
///     send(RTPPacket) ◀────────────── VP8Packetizer ◀──────── VP8Encoder ◀─┘
///
/// A picture that is not taken up before the next one comes is dropped: what is sent is always the latest.
///
/// - Thread: ``run()`` has one of its own; all else may be called from any.
final class VideoSender: Sendable {
    struct Statistics: Sendable, Hashable {
        /// Frames offered.
        var framesIn = 0
        /// Pictures encoded and sent.
        var encoded = 0
        var keyframes = 0
        var packets = 0
        /// Bytes of payload.
        var bytes = 0
        /// Frames dropped because they were captured before the session began.
        var droppedStale = 0
        /// Frames that a later one overtook while encoding was busy, or that came faster than the target's rate.
        var droppedBusy = 0
        /// Frames that the encoder left out to keep to the bitrate.
        var droppedByEncoder = 0
        /// Frames that could not be converted or encoded, for ``lastError``.
        var failed = 0
        var lastError: CodecError?
        /// The size last sent.
        var width = 0
        var height = 0
        /// When the first frame that was not stale was offered.
        var firstFrameAt: MonotonicInstant?
        /// When the first packet was handed to `send`.
        var firstPacketAt: MonotonicInstant?
    }

    private struct Mailbox {
        var latest: VideoFrame?
        var wantsKeyframe = false
        var isPaused = false
        var bitrate: Int?
    }

    /// Bits a second that the target is worth.
    let usualBitrate: Int
    private let notBefore: MonotonicInstant
    private let now: @Sendable () -> MonotonicInstant
    private let loop: VideoLoop
    private let worker: VideoSendWorker
    private let mailbox = Mutex(Mailbox())
    private let shared = Mutex(Statistics())

    /// - `target`: pictures larger than it are made smaller, in their own shape; faster ones are thinned out.
    /// - `content`: what the encoder is set up for.
    /// - `bitrate`: bits a second; nil chooses by the target.
    /// - `ssrc`: of all packets.
    /// - `notBefore`: what was captured earlier is dropped.
    /// - `start`: the first sequence number and timestamp.
    /// - `send`: called on the sender's thread for each packet.
    init(
        target: VideoTarget, content: VP8Settings.Content = .camera, bitrate: Int? = nil, ssrc: SSRC,
        notBefore: MonotonicInstant, now: @escaping @Sendable () -> MonotonicInstant, start: RTPStart = .random(),
        send: @escaping @Sendable (RTPPacket) -> Void
    ) {
        self.notBefore = notBefore
        self.now = now
        usualBitrate =
            bitrate
            ?? VP8Settings.usualBitrate(
                width: target.width, height: target.height, framesPerSecond: target.framesPerSecond)
        let loop = VideoLoop()
        self.loop = loop
        worker = VideoSendWorker(
            target: target, content: content, bitrate: bitrate, packetizer: VP8Packetizer(ssrc: ssrc, start: start),
            now: now, send: { packet in loop.effect { send(packet) } })
    }

    /// Takes a frame to send. Never waits for the encoder: the device's thread may call it.
    /// - `standsAlone`: whether it is to be a keyframe: the first of another device.
    func offer(_ frame: VideoFrame, standsAlone: Bool = false) {
        guard frame.capturedAt >= notBefore else {
            shared.withLock { statistics in
                statistics.framesIn += 1
                statistics.droppedStale += 1
            }
            return
        }
        let offeredAt = now()
        // The overtaken frame is let go outside the lock: that may requeue a driver's buffer.
        let (overtaken, isPaused) = mailbox.withLock { mailbox -> (VideoFrame?, Bool) in
            guard !mailbox.isPaused else { return (nil, true) }
            let old = mailbox.latest
            mailbox.latest = frame
            if standsAlone { mailbox.wantsKeyframe = true }
            return (old, false)
        }
        shared.withLock { statistics in
            statistics.framesIn += 1
            if overtaken != nil { statistics.droppedBusy += 1 }
            if statistics.firstFrameAt == nil { statistics.firstFrameAt = offeredAt }
        }
        if !isPaused { loop.wake() }
    }

    /// Somebody cannot decode: the next picture shall stand by itself. Where none comes soon (a still screen) the last
    /// one is sent again.
    func requestKeyframe() {
        mailbox.withLock { $0.wantsKeyframe = true }
        loop.wake()
    }

    /// While paused nothing is sent and frames are let go.
    var isPaused: Bool {
        get { mailbox.withLock { $0.isPaused } }
        set {
            let dropped = mailbox.withLock { mailbox in
                mailbox.isPaused = newValue
                return newValue ? mailbox.latest.take() : nil
            }
            withExtendedLifetime(dropped) {}
            loop.wake()
        }
    }

    /// Changes the bitrate from the next picture on; outside 30,000…50,000,000 b/s the nearest of them.
    func setBitrate(_ bitrate: Int) { mailbox.withLock { $0.bitrate = min(50_000_000, max(30_000, bitrate)) } }

    var statistics: Statistics { shared.withLock { $0 } }

    /// Sends until the task is cancelled; nothing is sent after it returned. Once.
    func run() async {
        await loop.run("video-send") { [self] in
            while !loop.isOver { loop.wait(atMost: pump(now: now())) }
        }
    }

    /// Sends what is there. On the sender's thread.
    /// - Returns: when to call again though nothing comes; nil for never.
    func pump(now: MonotonicInstant) -> Duration? {
        var work = mailbox.withLock { mailbox in
            defer {
                mailbox.latest = nil
                mailbox.bitrate = nil
                mailbox.wantsKeyframe = false
            }
            return mailbox
        }
        guard !work.isPaused else {
            worker.forgetPicture()
            // Whoever asks meanwhile is served on resuming.
            if work.wantsKeyframe { worker.owesKeyframe = true }
            return nil
        }
        if let bitrate = work.bitrate { worker.setBitrate(bitrate) }
        if work.wantsKeyframe { worker.owesKeyframe = true }
        if let outcome = worker.send(&work.latest, now: now) { count(outcome) }
        guard worker.owesKeyframe, let due = worker.repetitionDue else { return nil }
        if now < due { return due - now }
        if let outcome = worker.repeatPicture(now: now) { count(outcome) }
        return nil
    }

    private func count(_ outcome: VideoSendWorker.Outcome) {
        let sentAt = now()
        // A picture that was done when all was over has gone nowhere.
        loop.effect { shared.withLock { Self.count(outcome, at: sentAt, in: &$0) } }
    }

    private static func count(
        _ outcome: VideoSendWorker.Outcome, at sentAt: MonotonicInstant, in statistics: inout Statistics
    ) {
        switch outcome {
        case .sent(let picture):
            statistics.encoded += 1
            if picture.isKeyframe { statistics.keyframes += 1 }
            statistics.packets += picture.packets
            statistics.bytes += picture.bytes
            statistics.width = picture.width
            statistics.height = picture.height
            if statistics.firstPacketAt == nil { statistics.firstPacketAt = sentAt }
        case .tooFast: statistics.droppedBusy += 1
        case .leftOut: statistics.droppedByEncoder += 1
        case .failed(let error):
            statistics.failed += 1
            statistics.lastError = error
        }
    }
}
