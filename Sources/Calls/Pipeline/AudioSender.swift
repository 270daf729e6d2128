import Codecs
import Media
import RTP
import Synchronization

/// Sends the sound of a microphone.
///
/// The way of a sound:
///
///     period path ─▶ AudioRing ─▶ drop what is stale ─▶ AudioFramer ─▶ AudioGain ─▶ LevelMeter
///                                                                                          │
///     send(RTPPacket) ◀─ OpusPacketizer ◀─ OpusEncoder ◀─ muted or silence (DTX): a pause ◀┘
///
/// All of it happens on the microphone's thread, between two periods: an encoded frame takes a fraction of one, and the
/// hardware's buffer holds many. A thread of its own would be one more to wake for each frame.
///
/// - Thread: ``soundCaptured()`` is the microphone's; all else may be called from any.
/// - Memory: a packet's payload is what a frame allocates.
final class AudioSender: AudioDrain {
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
    }

    /// How sound is encoded at the moment.
    struct Encoding: Sendable, Hashable {
        /// 6,000…510,000 b/s.
        var bitrate: Int
        /// What FEC prepares for, 0…100.
        var expectedLossPercent: Int
        /// 480, 960, 1920 or 2880.
        var frameSampleFrames: Int
    }

    /// What waits for the first block of a device.
    private struct FirstBlock {
        var call: (@Sendable () -> Void)?
        /// Sample frames that went into the ring before: of the device before.
        var after = 0
    }

    private let ring: AudioRing
    private let worker: AudioSendWorker
    /// Whether it sends. Held while it does.
    private let sending = Mutex(false)
    private let ended = Completion()
    private let now: @Sendable () -> MonotonicInstant
    private let firstBlock = Mutex(FirstBlock())
    /// Whether somebody waits for it: looked at with every block.
    private let awaitsFirstBlock = Atomic(false)
    private let pulse: LevelPulse
    private let muted = Atomic(false)
    /// What the encoder is to change to, and whether that is news.
    private let target = Mutex<Encoding?>(nil)
    private let hasTarget = Atomic(false)
    private let zeroFrames = Atomic(0)
    private let gainBits = Atomic(Float(1).bitPattern)
    private let shared = Mutex(Statistics())

    /// - `ring`: 48 kHz and the settings' channels; the capture device is its producer.
    /// - `ssrc`: of all packets.
    /// - `notBefore`: what was captured earlier is dropped.
    /// - `now`: read once a block or frame.
    /// - `start`: the first sequence number and timestamp.
    /// - `pulse`: told of levels that change.
    /// - `send`: called on the microphone's thread for each packet; must not block.
    /// - Throws: `.invalidArgument` for settings that Opus does not take, or that the ring does not fit.
    init(
        ring: AudioRing, settings: OpusSettings, ssrc: SSRC, notBefore: MonotonicInstant,
        now: @escaping @Sendable () -> MonotonicInstant, start: RTPStart = .random(),
        pulse: LevelPulse = LevelPulse(), send: @escaping @Sendable (RTPPacket) -> Void
    ) throws(CodecError) {
        try settings.validate(ring)
        self.ring = ring
        self.now = now
        self.pulse = pulse
        worker = AudioSendWorker(
            framer: AudioFramer(format: ring.format, frameLength: settings.frameSampleFrames, notBefore: notBefore),
            settings: settings, packetizer: OpusPacketizer(ssrc: ssrc, start: start), send: send)
        ring.wakeConsumerAt = .max
        ring.drain = self
    }

    /// Called once, on the microphone's thread, at the first block that is written after this was set: set it before a
    /// device is started.
    var onFirstBlock: (@Sendable () -> Void)? {
        get { firstBlock.withLock { $0.call } }
        set {
            firstBlock.withLock { first in
                first = FirstBlock(call: newValue, after: ring.totalWritten)
                awaitsFirstBlock.store(newValue != nil, ordering: .releasing)
            }
        }
    }

    /// While muted nothing is sent; levels are measured still.
    var isMuted: Bool {
        get { muted.load(ordering: .relaxed) }
        set {
            muted.store(newValue, ordering: .relaxed)
            pulse.changed()
        }
    }

    /// The factor on what was captured, 1 at first; negative counts as 0.
    var gain: Float {
        get { Float(bitPattern: gainBits.load(ordering: .relaxed)) }
        set { gainBits.store(max(0, newValue).bitPattern, ordering: .relaxed) }
    }

    /// Changes how sound is encoded, from the next frame on. Any thread.
    func adapt(to encoding: Encoding) {
        target.withLock { $0 = encoding }
        hasTarget.store(true, ordering: .releasing)
    }

    var statistics: Statistics { shared.withLock { $0 } }

    /// For how long the microphone has delivered nothing but zeros.
    var zeros: Duration { ring.format.duration(ofSampleFrames: zeroFrames.load(ordering: .relaxed)) }

    /// Lets sound be sent until the task is cancelled; when it returns nothing is any more. Once.
    func run() async {
        sending.withLock { isSending in
            worker.prepare()
            isSending = true
        }
        await withTaskCancellationHandler {
            await ended.wait()
        } onCancel: {
            ended.complete()
        }
        sending.withLock { $0 = false }
    }

    /// Sends one frame of silence, as DTX does from time to time, so that the others have a stream that lives.
    ///
    /// In the microphone's place: while none runs.
    func sendSilence() {
        let now = now()
        _ = sending.withLockIfAvailable { isSending in
            guard isSending, !isMuted, let bytes = worker.sendSilence(at: now) else { return }
            shared.withLock { statistics in
                statistics.packets += 1
                statistics.bytes += bytes
                statistics.levelDBov = LevelMeter.silence
            }
            pulse.changed()
        }
    }

    func soundCaptured() {
        tellFirstBlock()
        // Taken by somebody else for a moment only, when sending begins or ends.
        _ = sending.withLockIfAvailable { if $0 { pump() } }
    }

    /// Sends what the ring has whole frames of. On the ring's consumer thread.
    ///
    /// A device can be as fast as the encoder or faster (a slow machine, a test's clock): the end and a new device's first
    /// block are looked for at every frame, not only when the ring has run empty.
    func pump() {
        if hasTarget.load(ordering: .acquiring), let target = target.withLockIfAvailable({ $0.take() }) ?? nil {
            hasTarget.store(false, ordering: .relaxed)
            worker.adapt(to: target)
        }
        while ring.fill >= worker.missing, !ended.isComplete {
            defer { tellFirstBlock() }
            switch worker.take(from: ring) {
            case .more: break
            case .skipped(let sampleFrames): worker.pause(sampleFrames)
            case .frame:
                let sent = worker.send(isMuted: isMuted, gain: gain)
                let sentAt = now()
                zeroFrames.store(worker.zeroFrames, ordering: .relaxed)
                let (packets, bytes, meter) = (sent == nil ? 0 : 1, sent ?? 0, worker.meter)
                if worker.takeLevelChange() { pulse.changed() }
                shared.withLock { statistics in
                    statistics.packets += packets
                    statistics.bytes += bytes
                    if sent != nil, statistics.firstPacketAt == nil { statistics.firstPacketAt = sentAt }
                    statistics.peak = meter.peak
                    statistics.levelDBov = meter.levelDBov
                }
                pulse.beat(sentAt)
            }
        }
        let (framesIn, droppedStale) = (worker.framesIn, worker.droppedStale)
        shared.withLock { statistics in
            statistics.framesIn = framesIn
            statistics.droppedStale = droppedStale
        }
    }

    private func tellFirstBlock() {
        guard awaitsFirstBlock.load(ordering: .acquiring) else { return }
        let call = firstBlock.withLock { first -> (@Sendable () -> Void)? in
            guard ring.totalWritten > first.after else { return nil }
            awaitsFirstBlock.store(false, ordering: .relaxed)
            return first.call.take()
        }
        guard let call else { return }
        let seenAt = now()
        shared.withLock { if $0.firstBlockAt == nil { $0.firstBlockAt = seenAt } }
        call()
    }
}

/// What the microphone's thread alone touches.
private final class AudioSendWorker: @unchecked Sendable {
    private var framer: AudioFramer
    private let settings: OpusSettings
    private var encoder: OpusEncoder?
    private var packetizer: OpusPacketizer
    private var packet = [UInt8](repeating: 0, count: OpusEncoder.maximumPacketBytes)
    private var gain = AudioGain(1)
    private(set) var meter = LevelMeter()
    /// So many sample frames in a row were zeros.
    private(set) var zeroFrames = 0
    private let sendPacket: @Sendable (RTPPacket) -> Void

    init(
        framer: AudioFramer, settings: OpusSettings, packetizer: OpusPacketizer,
        send: @escaping @Sendable (RTPPacket) -> Void
    ) {
        self.framer = framer
        self.settings = settings
        self.packetizer = packetizer
        sendPacket = send
    }

    var missing: Int { framer.missing }
    var framesIn: Int { framer.framesIn }
    var droppedStale: Int { framer.droppedStale }

    /// Makes the encoder: when sending begins, and not with the session, so that the devices' start does not wait for it.
    /// Refused only for settings that were checked, or without memory: then all is silence.
    func prepare() { if encoder == nil { encoder = try? OpusEncoder(settings) } }

    func take(from ring: AudioRing) -> AudioFramer.Step { framer.take(from: ring) }

    /// Out of range is not applied: the encoder goes on as it was.
    func adapt(to encoding: AudioSender.Encoding) {
        prepare()
        try? encoder?.setBitrate(encoding.bitrate)
        try? encoder?.setExpectedPacketLoss(encoding.expectedLossPercent)
        if encoding.frameSampleFrames != framer.length { framer.setLength(encoding.frameSampleFrames) }
    }

    func takeLevelChange() -> Bool { meter.takeChange() }

    /// Returns the payload's bytes, nil where there is no encoder.
    func sendSilence(at now: MonotonicInstant) -> Int? {
        prepare()
        let silence = [Int16](repeating: 0, count: framer.samples.count)
        var storage = packet.mutableSpan
        guard let count = try? encoder?.encode(silence.span, into: &storage) else { return nil }
        packetizer.pause(ticks: framer.skip(to: now))
        let level = AudioLevel(dBov: -127, isVoice: false)
        sendPacket(packetizer.packet(Array(packet[..<count]), ticks: framer.length, level: level))
        return count
    }

    func pause(_ sampleFrames: Int) { packetizer.pause(ticks: sampleFrames) }

    /// Sends the frame. Returns the payload's bytes, nil where nothing was sent.
    func send(isMuted: Bool, gain target: Float) -> Int? {
        defer { framer.next() }
        prepare()
        zeroFrames = framer.isAllZero ? zeroFrames + framer.length : 0
        framer.apply(&gain, target)
        meter.measure(framer.samples.span)
        let ticks = framer.length
        var storage = packet.mutableSpan
        // A frame that cannot be encoded is as good as silence: its size and storage are right by construction.
        guard !isMuted, let count = try? encoder?.encode(framer.samples.span, into: &storage), count > 2 else {
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
