import Codecs
import Media
import RTP
import Synchronization

/// Sends the sound of a microphone.
///
/// The way of a sound:
///
///     device thread ─▶ AudioRing ─▶ drop what is stale ─▶ AudioFramer ─▶ AudioGain ─▶ LevelMeter
///                                                                                          │
///     send(RTPPacket) ◀─ OpusPacketizer ◀─ OpusEncoder ◀─ muted or silence (DTX): a pause ◀┘
///
/// - Thread: ``run()`` has one of its own, the ring's consumer; all else may be called from any.
/// - Memory: a packet's payload is what a frame allocates.
final class AudioSender: Sendable {
    struct Statistics: Sendable, Hashable {
        /// Sample frames captured since the session began.
        var framesIn = 0
        var packets = 0
        /// Bytes of payload.
        var bytes = 0
        /// Sample frames dropped because they were captured before the session began.
        var droppedStale = 0
        /// The loudest sample so far, 0…1; after the gain, muted or not.
        var peak = 0.0
        /// How loud it is now, −127…0; after the gain, muted or not.
        var levelDBov = LevelMeter.silence
        /// When the first block was seen.
        var firstBlockAt: MonotonicInstant?
        /// When the first packet was handed to `send`.
        var firstPacketAt: MonotonicInstant?
        /// Returns from waiting.
        var wakeUps = 0
    }

    /// What waits for the first block of a device.
    private struct FirstBlock {
        var call: (@Sendable () -> Void)?
        /// Sample frames that went into the ring before: of the device before.
        var after = 0
    }

    private let ring: AudioRing
    private let loop = AudioLoop()
    private let worker: AudioSendWorker
    private let now: @Sendable () -> MonotonicInstant
    private let firstBlock = Mutex(FirstBlock())
    private let muted = Atomic(false)
    private let gainBits = Atomic(Float(1).bitPattern)
    private let shared = Mutex(Statistics())

    /// - `ring`: 48 kHz and the settings' channels; the capture device is its producer.
    /// - `ssrc`: of all packets.
    /// - `notBefore`: what was captured earlier is dropped.
    /// - `now`: read once a block or frame.
    /// - `start`: the first sequence number and timestamp.
    /// - `send`: called on the sender's thread for each packet.
    /// - Throws: `.invalidArgument` for settings that Opus does not take, or that the ring does not fit.
    init(
        ring: AudioRing, settings: OpusSettings, ssrc: SSRC, notBefore: MonotonicInstant,
        now: @escaping @Sendable () -> MonotonicInstant, start: RTPStart = .random(),
        send: @escaping @Sendable (RTPPacket) -> Void
    ) throws(CodecError) {
        try settings.validate(ring)
        self.ring = ring
        self.now = now
        worker = try AudioSendWorker(
            framer: AudioFramer(format: ring.format, frameLength: settings.frameSampleFrames, notBefore: notBefore),
            encoder: OpusEncoder(settings), packetizer: OpusPacketizer(ssrc: ssrc, start: start), send: send)
        ring.wakeConsumerAt = settings.frameSampleFrames
    }

    /// Called once, on the sender's thread, at the first block that is written after this was set: set it before a
    /// device is started.
    var onFirstBlock: (@Sendable () -> Void)? {
        get { firstBlock.withLock { $0.call } }
        set {
            firstBlock.withLock { first in
                first = FirstBlock(call: newValue, after: ring.totalWritten)
                if newValue != nil { ring.wakeConsumerAt = 0 }
            }
            // A block may have come between the two lines above.
            if newValue != nil { loop.wake() }
        }
    }

    /// While muted nothing is sent; levels are measured still.
    var isMuted: Bool {
        get { muted.load(ordering: .relaxed) }
        set { muted.store(newValue, ordering: .relaxed) }
    }

    /// The factor on what was captured, 1 at first; negative counts as 0.
    var gain: Float {
        get { Float(bitPattern: gainBits.load(ordering: .relaxed)) }
        set { gainBits.store(max(0, newValue).bitPattern, ordering: .relaxed) }
    }

    var statistics: Statistics { shared.withLock { $0 } }

    /// Sends until the task is cancelled; returns when the sender's thread is gone. Once.
    func run() async {
        await loop.run("audio-send") { [self] in
            while !loop.isOver {
                pump()
                if ring.fill < worker.missing {
                    _ = loop.wait(ring.dataReady, atMost: nil)
                    shared.withLock { $0.wakeUps += 1 }
                }
            }
        }
    }

    /// Sends what the ring has whole frames of. On the ring's consumer thread.
    ///
    /// A device can be as fast as the encoder or faster (a slow machine, a test's clock): the end of the loop and a new
    /// device's first block are looked for at every frame, not only when the ring has run empty.
    func pump() {
        var isWaiting = tellFirstBlock()
        while ring.fill >= worker.missing, !loop.isOver {
            defer { isWaiting = tellFirstBlock() }
            switch worker.take(from: ring) {
            case .more: break
            case .skipped(let sampleFrames): worker.pause(sampleFrames)
            case .frame:
                let sent = worker.send(isMuted: isMuted, gain: gain)
                let sentAt = now()
                let (packets, bytes, meter) = (sent == nil ? 0 : 1, sent ?? 0, worker.meter)
                shared.withLock { statistics in
                    statistics.packets += packets
                    statistics.bytes += bytes
                    if sent != nil, statistics.firstPacketAt == nil { statistics.firstPacketAt = sentAt }
                    statistics.peak = meter.peak
                    statistics.levelDBov = meter.levelDBov
                }
            }
        }
        let (framesIn, droppedStale) = (worker.framesIn, worker.droppedStale)
        shared.withLock { statistics in
            statistics.framesIn = framesIn
            statistics.droppedStale = droppedStale
        }
        // From the first block on a wake-up a frame is enough. Set under the lock, so that whoever waits for the next
        // device's first block in this moment is not set aside.
        guard !isWaiting else { return }
        firstBlock.withLock { if $0.call == nil { ring.wakeConsumerAt = worker.missing } }
    }

    /// Returns whether a first block is still waited for.
    private func tellFirstBlock() -> Bool {
        let (call, isWaiting) = firstBlock.withLock { first -> ((@Sendable () -> Void)?, Bool) in
            guard ring.totalWritten > first.after else { return (nil, first.call != nil) }
            return (first.call.take(), false)
        }
        if ring.totalWritten > 0 {
            let seenAt = now()
            shared.withLock { if $0.firstBlockAt == nil { $0.firstBlockAt = seenAt } }
        }
        call?()
        return isWaiting
    }
}

/// What the sender's thread alone touches.
private final class AudioSendWorker: @unchecked Sendable {
    private var framer: AudioFramer
    private var encoder: OpusEncoder
    private var packetizer: OpusPacketizer
    private var packet = [UInt8](repeating: 0, count: OpusEncoder.maximumPacketBytes)
    private var gain = AudioGain(1)
    private(set) var meter = LevelMeter()
    private let sendPacket: @Sendable (RTPPacket) -> Void

    init(
        framer: AudioFramer, encoder: consuming OpusEncoder, packetizer: OpusPacketizer,
        send: @escaping @Sendable (RTPPacket) -> Void
    ) {
        self.framer = framer
        self.encoder = encoder
        self.packetizer = packetizer
        sendPacket = send
    }

    var missing: Int { framer.missing }
    var framesIn: Int { framer.framesIn }
    var droppedStale: Int { framer.droppedStale }

    func take(from ring: AudioRing) -> AudioFramer.Step { framer.take(from: ring) }

    func pause(_ sampleFrames: Int) { packetizer.pause(ticks: sampleFrames) }

    /// Sends the frame. Returns the payload's bytes, nil where nothing was sent.
    func send(isMuted: Bool, gain target: Float) -> Int? {
        defer { framer.next() }
        framer.apply(&gain, target)
        meter.measure(framer.samples.span)
        let ticks = framer.length
        var storage = packet.mutableSpan
        // A frame that cannot be encoded is as good as silence: its size and storage are right by construction.
        guard !isMuted, let count = try? encoder.encode(framer.samples.span, into: &storage), count > 2 else {
            packetizer.pause(ticks: ticks)
            return nil
        }
        let level = AudioLevel(dBov: Int(meter.levelDBov.rounded()), isVoice: false)
        sendPacket(packetizer.packet(Array(packet[..<count]), ticks: ticks, level: level))
        return count
    }
}

extension OpusSettings {
    /// - Throws: `.invalidArgument` where Opus does not take the settings, or a ring has another format.
    func validate(_ ring: AudioRing) throws(CodecError) {
        try validate()
        guard ring.format == AudioFormat(rate: 48_000, channels: channels) else {
            throw CodecError(
                .invalidArgument, operation: "audio pipeline",
                reason: "a ring of \(ring.format.channels) channels at \(ring.format.rate) Hz",
                advice: "Opus with \(channels) channels needs one of \(channels) at 48000 Hz")
        }
    }
}
