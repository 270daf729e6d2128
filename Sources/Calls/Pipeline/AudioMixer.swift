import Media

/// Sums up the tracks that have something to say, and writes it into the playback ring.
///
/// - Thread: the ring's producer.
final class AudioMixer: @unchecked Sendable {
    private let ring: AudioRing
    private let outlets: SoundOutlets?
    private let channels: Int
    private let maximum: Int
    private var tracks: [AudioTrack] = []
    private var version = 0
    private var sums: [Int32] = []
    private var samples: [Int16] = []
    private var gain = AudioGain(1)

    /// - `maximum`: sample frames of the longest block.
    /// - `outlets`: told every block.
    init(ring: AudioRing, maximum: Int, outlets: SoundOutlets? = nil) {
        self.ring = ring
        self.outlets = outlets
        self.maximum = maximum
        channels = ring.format.channels
    }

    /// Makes the room for a block, once: when playing begins, and not with the session, so that the devices' start does
    /// not wait for it.
    func makeRoom() {
        guard sums.isEmpty else { return }
        sums = Array(repeating: 0, count: maximum * channels)
        samples = Array(repeating: 0, count: maximum * channels)
    }

    /// Lets every track decode or conceal what it lacks.
    /// - `changed`: the tracks there are and their version, nil where it is still the one given.
    /// - Returns: ready when all that go on have sound and any has, waiting when one that goes on has none.
    func prepare(
        isDue: Bool, neededAt: MonotonicInstant, now: MonotonicInstant, changed: (Int) -> (Int, [AudioTrack])?
    ) -> AudioTrack.Readiness {
        if let (version, tracks) = changed(version) {
            self.version = version
            self.tracks = tracks
        }
        var result = AudioTrack.Readiness.idle
        for track in tracks {
            switch track.provide(isDue: isDue, neededAt: neededAt, now: now) {
            case .waiting: result = .waiting
            case .ready: if result == .idle { result = .ready }
            case .idle: break
            }
        }
        return result
    }

    /// Writes what all tracks with sound have in common.
    func mix(volume: Float, now: MonotonicInstant) {
        makeRoom()
        var count = maximum
        var kind = AudioBlockKind.silence
        for track in tracks where track.available > 0 {
            count = min(count, track.available)
            // What one person says outweighs what was made up for another.
            if kind != .sound { kind = track.kind == .silence ? .sound : track.kind }
        }
        if let outlets, outlets.wantsVoices {
            for track in tracks where track.available > 0 {
                outlets.deliver(track.peek(count), ring.format, of: track.id, at: now)
            }
        }
        for index in 0..<count * channels { sums[index] = 0 }
        var sum = sums.mutableSpan
        for track in tracks where track.available > 0 { track.add(count, to: &sum) }
        var block = samples.mutableSpan
        gain.apply(volume, to: sums.span.extracting(0..<count * channels), into: &block)
        let isWritten = unsafe samples.withUnsafeBufferPointer { samples in
            unsafe ring.write(
                samples.baseAddress!, sampleFrames: count, capturedAt: now, kind: volume == 0 ? .silence : kind)
        }
        assert(isWritten, "a block is written only where there is room")
        outlets?.deliver(samples[..<(count * channels)], ring.format, at: now)
    }
}
