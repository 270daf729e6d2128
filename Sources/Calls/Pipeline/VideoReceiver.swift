import Codecs
import Media
import RTP
import Synchronization

/// Receives the pictures of one remote track.
///
/// The way of a picture:
///
///     receive(RTPPacket) ─▶ VP8Assembler (order, whole pictures) ─▶ VP8Decoder ─▶ deliver(VideoFrame)
///                                │ lost                                 │ damaged
///                                └──────────▶ requestKeyframe ◀─────────┘
///
/// - Thread: ``run()`` has one of its own; all else may be called from any.
final class VideoReceiver: Sendable {
    struct Statistics: Sendable, Hashable {
        var packets = 0
        /// Packets that never came, as far as is known.
        var lost = 0
        /// Packets that are no VP8, or were left out because decoding was far behind.
        var dropped = 0
        var framesDecoded = 0
        /// Pictures that did not decode.
        var damaged = 0
        var keyframeRequests = 0
        /// The size last decoded.
        var width = 0
        var height = 0
        var firstPacketAt: MonotonicInstant?
        /// When the first picture was handed to `deliver`.
        var firstFrameAt: MonotonicInstant?
    }

    private struct Arrival {
        var packet: RTPPacket
        var at: MonotonicInstant
    }

    /// Packets that may wait for the decoder: some 4 MB.
    private static let mailboxLimit = 4096

    private let now: @Sendable () -> MonotonicInstant
    private let loop: VideoLoop
    private let worker: VideoReceiveWorker
    private let mailbox = Mutex<[Arrival]>([])
    private let shared = Mutex(Statistics())

    /// - `now`: read once a packet or wake-up.
    /// - `requestKeyframe`: called on the receiver's thread when nothing can be decoded without one: at the start, after
    ///   a loss, after damage; again as long as only other pictures come.
    /// - `deliver`: called on the receiver's thread for each picture, with the time its last packet came; must return
    ///   soon.
    init(
        now: @escaping @Sendable () -> MonotonicInstant, requestKeyframe: @escaping @Sendable () -> Void,
        deliver: @escaping @Sendable (VideoFrame) -> Void
    ) {
        self.now = now
        let loop = VideoLoop()
        self.loop = loop
        worker = VideoReceiveWorker(
            requestKeyframe: { loop.effect(requestKeyframe) }, deliver: { frame in loop.effect { deliver(frame) } })
    }

    /// Takes a packet of the track. Any bytes are safe.
    func receive(_ packet: RTPPacket) {
        let at = now()
        let isTaken = mailbox.withLock { mailbox in
            guard mailbox.count < Self.mailboxLimit else { return false }
            mailbox.append(Arrival(packet: packet, at: at))
            return true
        }
        shared.withLock { statistics in
            statistics.packets += 1
            if !isTaken { statistics.dropped += 1 }
            if statistics.firstPacketAt == nil { statistics.firstPacketAt = at }
        }
        loop.wake()
    }

    /// The track has ended: ``run()`` returns.
    func stop() { loop.stop() }

    var statistics: Statistics { shared.withLock { $0 } }

    /// Receives until ``stop()`` or until the task is cancelled; nothing is delivered after it returned. Once.
    func run() async {
        await loop.run("video-receive") { [self] in
            while !loop.isOver {
                let at = now()
                let until = pump(now: at)
                loop.wait(atMost: until.map { $0 - at })
            }
        }
    }

    /// Decodes what can be. On the receiver's thread.
    /// - Returns: when to call again though nothing comes; nil for never.
    func pump(now: MonotonicInstant) -> MonotonicInstant? {
        let arrivals = mailbox.withLock { mailbox in
            defer { mailbox.removeAll(keepingCapacity: true) }
            return mailbox
        }
        for arrival in arrivals where !loop.isOver {
            worker.take(arrival.packet, at: arrival.at)
            decode(now)
        }
        decode(now)
        let asked = worker.askForKeyframe(now: now)
        let assembled = worker.assemblerStatistics
        shared.withLock { statistics in
            if asked { statistics.keyframeRequests += 1 }
            statistics.lost = Int(assembled.lost)
            statistics.dropped += Int(assembled.malformed) - worker.malformedCounted
        }
        worker.malformedCounted = Int(assembled.malformed)
        return worker.deadline
    }

    private func decode(_ now: MonotonicInstant) {
        while !loop.isOver, let outcome = worker.decodeNext(now: now) {
            let at = self.now()
            shared.withLock { statistics in
                switch outcome {
                case .delivered(let width, let height):
                    statistics.framesDecoded += 1
                    statistics.width = width
                    statistics.height = height
                    if statistics.firstFrameAt == nil { statistics.firstFrameAt = at }
                case .hidden: statistics.framesDecoded += 1
                case .damaged: statistics.damaged += 1
                }
            }
        }
    }
}

/// What the thread of a ``VideoReceiver`` alone touches.
private final class VideoReceiveWorker: @unchecked Sendable {
    enum Outcome {
        case delivered(width: Int, height: Int)
        case hidden
        case damaged
    }

    /// How soon a keyframe is asked for again.
    private static let requestInterval = Duration.milliseconds(200)

    private var assembler = VP8Assembler()
    private var decoder: VP8Decoder?
    private let requestKeyframe: @Sendable () -> Void
    private let deliver: @Sendable (VideoFrame) -> Void
    private var sequence: UInt32 = 0
    private var lastRequest: MonotonicInstant?
    /// Whether there is reason to ask (again): packets came, or a loss was found.
    private var hasReason = true
    private var neededKeyframe = true
    var malformedCounted = 0

    init(
        requestKeyframe: @escaping @Sendable () -> Void, deliver: @escaping @Sendable (VideoFrame) -> Void
    ) {
        self.requestKeyframe = requestKeyframe
        self.deliver = deliver
    }

    var assemblerStatistics: VP8AssemblerStatistics { assembler.statistics }

    func take(_ packet: RTPPacket, at: MonotonicInstant) {
        assembler.receive(packet, now: at)
        hasReason = true
    }

    /// - Returns: what became of the next picture; nil without one.
    func decodeNext(now: MonotonicInstant) -> Outcome? {
        guard let frame = assembler.frame(now: now) else { return nil }
        do throws(CodecError) {
            if decoder == nil { decoder = try VP8Decoder() }
            let picture = try decoder?.decode(frame.bytes, capturedAt: frame.completedAt, sequence: sequence)
            sequence &+= 1
            guard let picture else { return .hidden }
            deliver(picture)
            return .delivered(width: picture.width, height: picture.height)
        } catch {
            assembler.waitForKeyframe()
            return .damaged
        }
    }

    /// Asks where that is needed. Returns whether it did.
    func askForKeyframe(now: MonotonicInstant) -> Bool {
        let needsKeyframe = assembler.needsKeyframe
        if needsKeyframe, !neededKeyframe { hasReason = true }
        neededKeyframe = needsKeyframe
        guard needsKeyframe, hasReason else { return false }
        if let lastRequest, now - lastRequest < Self.requestInterval { return false }
        lastRequest = now
        hasReason = false
        requestKeyframe()
        return true
    }

    /// When something is to be done though no packet comes.
    var deadline: MonotonicInstant? {
        if assembler.needsKeyframe { return hasReason ? lastRequest.map { $0 + Self.requestInterval } : nil }
        return assembler.deadline
    }
}
