import Codecs
import Media
import RTP
import Rooms
import Synchronization

/// One remote voice: its packets in, its sound out.
///
///     receive (any thread) ─▶ RTPReceiver ─▶ JitterBuffer ┊ OpusDecoder ─▶ AudioStretch ─▶ sound (speaker's thread)
///
/// - Thread: what is behind `inbox` is any thread's, the rest is the speaker's thread's.
final class AudioTrack: @unchecked Sendable {
    struct Statistics: Sendable, Hashable {
        var packets = 0
        /// Packets that the sender numbered and that did not come.
        var lost = 0
        /// Interarrival jitter (RFC 3550 §6.4.1).
        var jitter = Duration.zero
        /// Blocks of sound made up for packets that did not come in time.
        var concealed = 0
        /// How loud it is now, −127…0.
        var levelDBov = LevelMeter.silence
        var firstPacketAt: MonotonicInstant?
        /// When the first sound was decoded.
        var firstSoundAt: MonotonicInstant?
    }

    enum Readiness: Sendable, Hashable {
        /// There is sound to mix.
        case ready
        /// The stream goes on, but its packet is not here.
        case waiting
        /// There is nothing to play.
        case idle
    }

    private struct Inbox {
        var ssrc: SSRC?
        var receiver = RTPReceiver(clockRate: OpusPayload.clockRate)
        var buffer: JitterBuffer
        /// When packets came, by the low bits of their numbers.
        var arrivals = Array(repeating: MonotonicInstant(nanoseconds: 0), count: 256)
        var statistics = Statistics()
        /// When sound was decoded last.
        var lastSoundAt: MonotonicInstant?
    }

    let id: TrackID
    private let inbox: Mutex<Inbox>
    private let pulse: LevelPulse
    // The speaker's thread's.
    private var decoder: OpusDecoder
    private let channels: Int
    private var decoded: [Int16]
    private var sound: [Int16]
    /// Where the sound begins and ends in `sound`, in sample frames.
    private var range = 0..<0
    private var control = AudioDelayControl()
    /// Whether the next packet was asked for before it came.
    private var hasWaited = false
    private var meter = LevelMeter()
    /// What the sound at the end of `sound` is.
    private(set) var kind = AudioBlockKind.silence

    /// Sound that is kept at least, so that blocks of several tracks have a useful length in common.
    static let quantum = 480
    /// A packet that has waited longer shows that playing has fallen behind (after a burst, or with no device for a
    /// while), too far to catch up by playing faster.
    /// In nanoseconds.
    private static let maximumWait: Int64 = 150_000_000
    /// Sound that is kept then.
    private static let caughtUpTicks = 1920

    init(_ id: TrackID, channels: Int, settings: JitterBuffer.Settings, pulse: LevelPulse) throws(CodecError) {
        self.id = id
        decoder = try OpusDecoder(channels: channels)
        self.channels = channels
        self.pulse = pulse
        inbox = Mutex(Inbox(buffer: JitterBuffer(clockRate: OpusPayload.clockRate, settings: settings)))
        decoded = Array(repeating: 0, count: OpusDecoder.maximumSampleFrames * channels)
        // What is left of a frame, and the longest packet, stretched.
        let room = Self.quantum + OpusDecoder.maximumSampleFrames * 101 / 100
        sound = Array(repeating: 0, count: room * channels)
    }

    // MARK: Any thread

    func receive(_ packet: RTPPacket, now: MonotonicInstant) {
        // No Opus packet: nothing of it can be used, and its number will count as lost.
        guard let ticks = OpusPayload.ticks(of: packet.payload) else { return }
        inbox.withLock { inbox in
            if inbox.ssrc != packet.ssrc {
                // Another source (the sender has joined anew): a stream of its own.
                inbox.ssrc = packet.ssrc
                inbox.receiver = RTPReceiver(clockRate: OpusPayload.clockRate)
                inbox.buffer.reset()
            }
            switch inbox.receiver.receive(packet.sequenceNumber, packet.timestamp, at: now) {
            case .rejected: return
            case .restarted: inbox.buffer.reset()
            case .accepted: break
            }
            inbox.statistics.packets += 1
            if inbox.statistics.firstPacketAt == nil { inbox.statistics.firstPacketAt = now }
            if inbox.buffer.insert(packet, ticks: ticks) == .kept {
                inbox.arrivals[Int(packet.sequenceNumber.rawValue & 255)] = now
            }
        }
    }

    func statistics(now: MonotonicInstant) -> Statistics {
        inbox.withLock { inbox in
            var statistics = inbox.statistics
            // With no device to pull it, sound is not decoded: a level of long ago tells nothing.
            if let last = inbox.lastSoundAt, now - last > .seconds(1) { statistics.levelDBov = LevelMeter.silence }
            statistics.lost = Int(max(0, inbox.receiver.lost))
            statistics.jitter = inbox.receiver.jitter.duration
            return statistics
        }
    }

    // MARK: The speaker's thread

    /// Sample frames that can be mixed.
    var available: Int { range.count }

    /// Decodes or conceals where less than a quantum is there.
    /// - `isDue`: whether sound is needed now: what is not here is made up.
    /// - `neededAt`: until when the sound that is mixed next can be waited for.
    func provide(isDue: Bool, neededAt: MonotonicInstant, now: MonotonicInstant) -> Readiness {
        while available < Self.quantum {
            let (output, arrivedAt, jitter) = inbox.withLock { inbox in
                let output = inbox.buffer.next(isDue: isDue, quantum: Self.quantum)
                guard case .play(let packet) = output else { return (output, now, MediaTime(ticks: 0, rate: 1)) }
                let arrivedAt = inbox.arrivals[Int(packet.sequenceNumber.rawValue & 255)]
                if now.nanoseconds - arrivedAt.nanoseconds > Self.maximumWait {
                    inbox.buffer.drop(downTo: Self.caughtUpTicks)
                }
                return (output, arrivedAt, inbox.receiver.jitter)
            }
            switch output {
            case .play(let packet):
                let lateAt = AudioFormat().instant(available, after: neededAt)
                control.note(arrivedAt: arrivedAt, neededAt: lateAt, jitter: jitter, hasWaited: hasWaited)
                hasWaited = false
                play(packet, now: now)
            case .conceal(let ticks, let next): conceal(ticks, next: next)
            case .wait:
                hasWaited = true
                return .waiting
            case .idle:
                if kind != .silence { fallSilent() }
                return available > 0 ? .ready : .idle
            }
        }
        return .ready
    }

    /// The sound that is mixed next.
    /// - `count`: sample frames, at most ``available``.
    func peek(_ count: Int) -> ArraySlice<Int16> {
        sound[range.lowerBound * channels..<(range.lowerBound + count) * channels]
    }

    /// Adds sound to a mix.
    /// - `count`: sample frames, at most ``available``.
    func add(_ count: Int, to sums: inout MutableSpan<Int32>) {
        Self.add(sound.span, from: range.lowerBound * channels, count: count * channels, to: &sums)
        range = range.lowerBound + count..<range.upperBound
    }

    private func play(_ packet: RTPPacket, now: MonotonicInstant) {
        var storage = decoded.mutableSpan
        guard let count = try? decoder.decode(packet.payload.span, into: &storage) else {
            // Damaged on the way: as good as lost.
            return conceal(OpusPayload.ticks(of: packet.payload) ?? Self.quantum, next: nil)
        }
        append(count, .sound)
        meter.measure(decoded.span.extracting(0..<count * channels))
        let level = meter.levelDBov
        if meter.takeChange() { pulse.changed() }
        inbox.withLock { inbox in
            inbox.statistics.levelDBov = level
            inbox.lastSoundAt = now
            if inbox.statistics.firstSoundAt == nil { inbox.statistics.firstSoundAt = now }
        }
    }

    private func conceal(_ ticks: Int, next: RTPPacket?) {
        var storage = decoded.mutableSpan
        // libopus conceals in steps of 2.5 ms.
        let wanted = min(max(120, ticks / 120 * 120), OpusDecoder.maximumSampleFrames)
        var made: Int?
        if let next { made = try? decoder.decodeFEC(next.payload.span, sampleFrames: wanted, into: &storage) }
        if made == nil { made = try? decoder.conceal(sampleFrames: wanted, into: &storage) }
        if made == nil {
            for index in 0..<wanted * channels { storage[index] = 0 }
        }
        append(made ?? wanted, .concealed)
        inbox.withLock { $0.statistics.concealed += 1 }
    }

    private func fallSilent() {
        kind = .silence
        control.pause()
        meter.fallSilent()
        pulse.changed()
        inbox.withLock { $0.statistics.levelDBov = LevelMeter.silence }
    }

    /// Puts what was decoded behind the sound that is left, stretched as the delay wants it.
    private func append(_ count: Int, _ kind: AudioBlockKind) {
        self.kind = kind
        let left = range.count
        for index in 0..<left * channels { sound[index] = sound[range.lowerBound * channels + index] }
        let stretched = count + control.correction * count / 960
        var room = sound.mutableSpan
        AudioStretch.stretch(
            decoded.span.extracting(0..<count * channels), channels: channels, to: stretched, into: &room, at: left)
        range = 0..<left + stretched
    }

    private static func add(_ samples: Span<Int16>, from first: Int, count: Int, to sums: inout MutableSpan<Int32>) {
        // Of one length, so that the compiler does several at once.
        let part = samples.extracting(first..<first + count)
        var room = sums.extracting(0..<count)
        for index in part.indices { room[index] &+= Int32(part[index]) }
    }
}
