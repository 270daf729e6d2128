import Codecs
import Media
import RTP
import Rooms
import Synchronization

/// Plays the sound of remote tracks.
///
/// The way of a sound:
///
///     receive(RTPPacket) ─▶ AudioTrack: RTPReceiver ─▶ JitterBuffer ─▶ OpusDecoder ─▶ AudioStretch ─┐
///     receive(RTPPacket) ─▶ AudioTrack: …                                                          ─┤ sum
///                                                                                                   ▼
///     device thread ◀─ AudioRing ◀───────────────────────────────────────────── AudioGain (volume, saturation)
///
/// The playback device's clock pulls: as soon as the ring holds less than the device takes at once, the next block is
/// mixed. Where a track's packet is not here yet, there is time until the device's next period; only then sound is
/// made up for it. With nothing to play nothing is written, and nobody wakes.
///
/// - Thread: ``run()`` has one of its own, the ring's producer; all else may be called from any.
/// - Memory: no block allocates.
final class AudioReceiver: Sendable {
    typealias Statistics = AudioTrack.Statistics

    /// What the media thread waits for.
    enum Wait: Sendable, Hashable {
        /// The ring is filled: for space in it.
        case space
        /// For a packet; until then where sound goes on meanwhile.
        case packets(until: MonotonicInstant?)
    }

    private struct Tracks {
        var tracks: [TrackID: AudioTrack] = [:]
        var version = 0
    }

    private let ring: AudioRing
    private let channels: Int
    private let jitter: JitterBuffer.Settings
    private let now: @Sendable () -> MonotonicInstant
    private let loop = AudioLoop()
    private let tracks = Mutex(Tracks())
    /// Whether the media thread waits for a packet.
    private let wantsPacket = Atomic(true)
    private let muted = Atomic(false)
    private let volumeBits = Atomic(Float(1).bitPattern)
    private let period = Atomic(480)
    private let wakes = Atomic(0)
    private let mixer: AudioMixer

    /// - `ring`: 48 kHz and the settings' channels; the playback device is its consumer.
    /// - `jitter`: how packets are put in order.
    /// - `outlets`: told every block that is played.
    /// - `now`: read once a wake-up or packet.
    /// - Throws: `.invalidArgument` for settings that Opus does not take, or that the ring does not fit.
    init(
        ring: AudioRing, settings: OpusSettings, jitter: JitterBuffer.Settings = .init(), outlets: SoundOutlets? = nil,
        now: @escaping @Sendable () -> MonotonicInstant
    ) throws(CodecError) {
        try settings.validate(ring)
        self.ring = ring
        channels = settings.channels
        self.jitter = jitter
        self.now = now
        mixer = AudioMixer(ring: ring, maximum: ring.capacity / 2, outlets: outlets)
        ring.wakeProducerAt = periodFrames - 1
    }

    /// Sample frames that the playback device takes at once, at the ring's rate: 10 ms unless told otherwise.
    var periodFrames: Int {
        get { period.load(ordering: .relaxed) }
        set {
            period.store(max(1, min(newValue, ring.capacity / 4)), ordering: .relaxed)
            ring.wakeProducerAt = periodFrames - 1
            loop.wake()
        }
    }

    /// Begins to play a track. A second call for the same one does nothing.
    func addTrack(_ id: TrackID) {
        // libopus refuses channels only, which were checked, or memory: then this voice stays silent, the call goes on.
        guard let track = try? AudioTrack(channels: channels, settings: jitter) else { return }
        tracks.withLock { tracks in
            guard tracks.tracks[id] == nil else { return }
            tracks.tracks[id] = track
            tracks.version += 1
        }
    }

    /// Ends a track; its packets are ignored from now on.
    func removeTrack(_ id: TrackID) {
        tracks.withLock { tracks in
            if tracks.tracks.removeValue(forKey: id) != nil { tracks.version += 1 }
        }
    }

    /// Takes a packet of a track; one that was not added is ignored.
    func receive(_ packet: RTPPacket, track id: TrackID) {
        guard let track = tracks.withLock({ $0.tracks[id] }) else { return }
        track.receive(packet, now: now())
        if wantsPacket.exchange(false, ordering: .acquiringAndReleasing) { loop.wake() }
    }

    /// While muted, silence is played; levels are measured still.
    var isMuted: Bool {
        get { muted.load(ordering: .relaxed) }
        set { muted.store(newValue, ordering: .relaxed) }
    }

    /// The factor on what is played, 0…1; 1 at first.
    var volume: Float {
        get { Float(bitPattern: volumeBits.load(ordering: .relaxed)) }
        set { volumeBits.store(max(0, min(1, newValue)).bitPattern, ordering: .relaxed) }
    }

    /// Of every track that is played.
    var statistics: [TrackID: Statistics] {
        let now = now()
        return tracks.withLock { $0.tracks }.mapValues { $0.statistics(now: now) }
    }

    /// Returns from waiting.
    var wakeUps: Int { wakes.load(ordering: .relaxed) }

    /// Plays until the task is cancelled; returns when the receiver's thread is gone. Once.
    func run() async {
        await loop.run("audio-receive") { [self] in
            var lastRead: MonotonicInstant?
            var isDue = false
            while !loop.isOver {
                let at = now()
                let wait = pump(now: at, lastRead: lastRead, isDue: isDue)
                let wake =
                    switch wait {
                    case .space: loop.wait(ring.spaceReady, atMost: nil)
                    case .packets(let until): loop.wait(ring.spaceReady, atMost: until.map { $0 - at })
                    }
                wakes.wrappingAdd(1, ordering: .relaxed)
                if wake.ring { lastRead = now() }
                isDue = wake.timedOut
            }
        }
    }

    /// Fills the ring, or stops filling it where the loop is over: a device can take sound as fast as it is made.
    /// On the ring's producer thread.
    /// - `lastRead`: when the device last took sound and left little, where known.
    /// - `isDue`: whether waiting for packets is over.
    func pump(now: MonotonicInstant, lastRead: MonotonicInstant?, isDue: Bool) -> Wait {
        let period = periodFrames
        let nextRead = lastRead.map { $0 + ring.format.duration(ofSampleFrames: period) }
            .flatMap { $0 > now ? $0 : nil }
        var isDue = isDue
        while ring.fill < period, !loop.isOver {
            // Before looking at the packets: one that comes from now on wakes.
            wantsPacket.store(true, ordering: .sequentiallyConsistent)
            let neededAt = nextRead.map { $0 + ring.format.duration(ofSampleFrames: ring.fill) }
            let state = mixer.prepare(isDue: isDue, neededAt: neededAt, now: now) { version in
                tracks.withLock { $0.version == version ? nil : ($0.version, Array($0.tracks.values)) }
            }
            switch state {
            case .idle: return .packets(until: nil)
            case .waiting:
                let until = nextRead ?? now + ring.format.duration(ofSampleFrames: period)
                return .packets(until: until - Self.guardTime)
            case .ready:
                mixer.mix(volume: isMuted ? 0 : volume, now: now)
                isDue = false
            }
        }
        wantsPacket.store(false, ordering: .relaxed)
        return .space
    }

    /// What mixing and waking may take before the device's period.
    private static let guardTime = Duration.milliseconds(2)
}
