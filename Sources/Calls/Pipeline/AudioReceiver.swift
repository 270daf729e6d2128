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
///     period path ◀─── AudioRing ◀───────────────────────────────────────────── AudioGain (volume, saturation)
///
/// The playback device's clock pulls: its thread, woken for the next block, decodes and mixes it before it writes it. Where
/// a track's packet is not here yet, there is time while the hardware plays what it has; only then sound is made up for
/// it. With nothing to play nothing is written.
///
/// - Thread: ``soundNeeded(_:by:isDue:)`` is the speaker's; all else may be called from any.
/// - Memory: no block allocates.
final class AudioReceiver: AudioFeed {
    typealias Statistics = AudioTrack.Statistics

    private struct Tracks {
        var tracks: [TrackID: AudioTrack] = [:]
        var version = 0
        /// Whose packet came last: most come from who speaks, and hashing costs more than a look.
        var last: (id: TrackID, track: AudioTrack)?

        mutating func track(_ id: TrackID) -> AudioTrack? {
            if let last, last.id == id { return last.track }
            guard let track = tracks[id] else { return nil }
            last = (id, track)
            return track
        }
    }

    private let ring: AudioRing
    private let channels: Int
    private let jitter: JitterBuffer.Settings
    private let pulse: LevelPulse
    private let now: @Sendable () -> MonotonicInstant
    /// Whether it plays. Held while it does.
    private let playing = Mutex(false)
    private let tracks = Mutex(Tracks())
    /// Whether the speaker's thread waits for a packet.
    private let wantsPacket = Atomic(false)
    private let muted = Atomic(false)
    private let volumeBits = Atomic(Float(1).bitPattern)
    private let mixer: AudioMixer

    /// - `ring`: 48 kHz and the settings' channels; the playback device is its consumer.
    /// - `jitter`: how packets are put in order.
    /// - `outlets`: told every block that is played.
    /// - `pulse`: told of levels that change.
    /// - `now`: read once a block or packet.
    /// - Throws: `.invalidArgument` for settings that Opus does not take, or that the ring does not fit.
    init(
        ring: AudioRing, settings: OpusSettings, jitter: JitterBuffer.Settings = .init(), outlets: SoundOutlets? = nil,
        pulse: LevelPulse = LevelPulse(), now: @escaping @Sendable () -> MonotonicInstant
    ) throws(CodecError) {
        try settings.validate(ring)
        self.ring = ring
        channels = settings.channels
        self.jitter = jitter
        self.pulse = pulse
        self.now = now
        mixer = AudioMixer(ring: ring, maximum: ring.capacity / 2, outlets: outlets)
        ring.wakeConsumerAt = .max
        ring.feed = self
    }

    /// Begins to play a track. A second call for the same one does nothing.
    func addTrack(_ id: TrackID) {
        // libopus refuses channels only, which were checked, or memory: then this voice stays silent, the call goes on.
        guard let track = try? AudioTrack(id, channels: channels, settings: jitter, pulse: pulse) else { return }
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
            tracks.last = nil
        }
    }

    /// Takes a packet of a track; one that was not added is ignored.
    func receive(_ packet: RTPPacket, track id: TrackID) {
        guard let track = tracks.withLock({ $0.track(id) }) else { return }
        track.receive(packet, now: now())
        if wantsPacket.exchange(false, ordering: .acquiringAndReleasing) { ring.dataReady.signal() }
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

    /// Lets sound be played until the task is cancelled; when it returns none is any more. Once.
    func run() async {
        let ended = Completion()
        playing.withLock { isPlaying in
            mixer.makeRoom()
            isPlaying = true
        }
        await withTaskCancellationHandler {
            await ended.wait()
        } onCancel: {
            ended.complete()
        }
        playing.withLock { $0 = false }
    }

    func soundNeeded(_ sampleFrames: Int, by deadline: MonotonicInstant, isDue: Bool) -> Bool {
        // Taken by somebody else for a moment only, when playing begins or ends.
        playing.withLockIfAvailable { isPlaying in
            isPlaying && pump(sampleFrames, by: deadline, isDue: isDue)
        } ?? false
    }

    /// Fills the ring. On the ring's producer thread.
    /// - Returns: whether a packet is waited for.
    func pump(_ sampleFrames: Int, by deadline: MonotonicInstant, isDue: Bool) -> Bool {
        let wanted = min(sampleFrames, ring.capacity / 4)
        let now = now()
        var isDue = isDue
        while ring.fill < wanted {
            // Before looking at the packets: one that comes from now on signals.
            wantsPacket.store(true, ordering: .sequentiallyConsistent)
            let neededAt = ring.format.instant(ring.fill, after: deadline)
            let state = mixer.prepare(isDue: isDue, neededAt: neededAt, now: now) { version in
                tracks.withLock { $0.version == version ? nil : ($0.version, Array($0.tracks.values)) }
            }
            if state == .waiting { return true }
            wantsPacket.store(false, ordering: .relaxed)
            if state == .idle { return false }
            mixer.mix(volume: isMuted ? 0 : volume, now: now)
            pulse.beat(now)
            isDue = false
        }
        return false
    }
}
