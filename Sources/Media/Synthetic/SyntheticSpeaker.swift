import CLinux
import Synchronization

/// A speaker without hardware: it takes sound at the pace of its clock, and records it where asked to.
public final class SyntheticSpeaker: AudioDevice {
    public let info: AudioDeviceInfo
    /// Its handle, its counts and its faults.
    public let hardware: SyntheticHardware
    public let mixer: (any AudioMixer)?
    /// What was played, all streams of this speaker one after the other.
    public let recording: SyntheticRecording
    private let counters = Mutex<AudioCounters?>(nil)

    /// - `mixer`: the card's volume control; nil for a card without one.
    /// - `recording`: how much sound to keep (48 kHz, both channels counted as one); what comes later is not kept.
    public init(
        id: DeviceID = "synthetic:speaker", name: String = "Synthetic speaker",
        kind: AudioDeviceKind = .synthetic, card: String? = nil, mixer: SyntheticMixer? = nil,
        recording: Duration = .zero,
        timing: SyntheticTiming = .realTime
    ) {
        info = AudioDeviceInfo(id: id, name: name, direction: .playback, kind: kind, card: card)
        hardware = SyntheticHardware(id: id, timing: timing)
        self.mixer = mixer
        self.recording = SyntheticRecording(capacity: AudioFormat().sampleFrames(in: recording))
    }

    public var statistics: AudioStreamStatistics {
        counters.withLock { $0?.statistics } ?? AudioStreamStatistics()
    }

    public func prepare(_ format: AudioFormat, options: AudioStreamOptions) async throws(DeviceError) {
        try await hardware.prepare()
    }

    public func start(
        _ ring: AudioRing, options: AudioStreamOptions, onEvent: @escaping @Sendable (AudioDeviceEvent) -> Void
    ) async throws(DeviceError) -> AudioStreamInfo {
        let (reused, grant) = try await hardware.start(name: "spk-synthetic", priority: options.realTime ? 10 : nil) {
            connection in
            let pace = AudioPace(
                hardware: hardware, connection: connection, format: ring.format, options: options,
                firstBlock: options.period, onEvent: onEvent)
            counters.withLock { $0 = pace.counters }
            return (SyntheticPlayback(pace: pace, ring: ring, recording: recording), pace.due)
        }
        return .synthetic(info.id, ring.format, options, reused: reused, grant: grant)
    }

    public func stop(_ standby: StandbyPolicy) async { await hardware.stop(standby) }
}

/// A running synthetic speaker. A period that is taken at its time leaves the hardware one period later.
@safe
private final class SyntheticPlayback: SyntheticStream, @unchecked Sendable {
    private let pace: AudioPace
    private let ring: AudioRing
    private let recording: SyntheticRecording
    private let feed: (any AudioFeed)?
    private let format: AudioFormat
    private let scratch: UnsafeMutablePointer<Int16>

    init(pace: AudioPace, ring: AudioRing, recording: SyntheticRecording) {
        self.pace = pace
        self.ring = ring
        self.recording = recording
        feed = ring.feed
        format = ring.format
        unsafe scratch = .allocate(capacity: pace.periodFrames * format.channels)
        unsafe scratch.initialize(repeating: 0, count: pace.periodFrames * format.channels)
    }

    deinit { unsafe scratch.deallocate() }

    var isInterrupted: Bool { pace.isInterrupted }

    func period(due: MonotonicInstant, now: MonotonicInstant) -> MonotonicInstant? {
        switch pace.step(now: now) {
        case .over: return nil
        case .nothing: break
        case .block(let sampleFrames, _):
            _ = feed?.soundNeeded(sampleFrames, by: now, isDue: true)
            play(
                sampleFrames, now: now, playedAt: pace.time(of: pace.position + Int64(2 * sampleFrames)), ring: ring,
                recording: recording, counters: pace.counters)
        }
        pace.advance()
        return pace.due
    }

    // The objects are arguments because loading a reference from a field would count it.
    @_noLocks
    private func play(
        _ sampleFrames: Int, now: MonotonicInstant, playedAt: MonotonicInstant, ring: AudioRing,
        recording: SyntheticRecording, counters: AudioCounters
    ) {
        var done = 0
        while done < sampleFrames {
            let read = unsafe ring.read(into: scratch, maximum: sampleFrames - done)
            if read.sampleFrames == 0 { break }
            let at = MonotonicInstant(
                nanoseconds: playedAt.nanoseconds + Int64(done) * 1_000_000_000 / Int64(format.rate))
            if read.isAudible { counters.first(block: now, sample: at) }
            unsafe recording.add(scratch, read, channels: format.channels, playedAt: at)
            done += read.sampleFrames
        }
        counters.count(sampleFrames: sampleFrames, misses: sampleFrames - done)
        counters.delayFrames.store(Int64(sampleFrames), ordering: .relaxed)
    }
}
