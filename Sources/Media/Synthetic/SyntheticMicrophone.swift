import Synchronization

/// A microphone without hardware: it hears a ``SyntheticSound``.
public final class SyntheticMicrophone: AudioDevice {
    public let info: AudioDeviceInfo
    /// Its handle, its counts and its faults.
    public let hardware: SyntheticHardware
    public let mixer: (any AudioMixer)?
    private let source: SoundSource
    private let counters = Mutex<AudioCounters?>(nil)

    /// - `mixer`: the card's volume control; nil for a card without one.
    public init(
        id: DeviceID = "synthetic:microphone", name: String = "Synthetic microphone",
        kind: AudioDeviceKind = .synthetic, card: String? = nil,
        sound: SyntheticSound = .tone(frequency: 440, level: 0.5),
        mixer: SyntheticMixer? = nil, timing: SyntheticTiming = .realTime
    ) {
        info = AudioDeviceInfo(id: id, name: name, direction: .capture, kind: kind, card: card)
        hardware = SyntheticHardware(id: id, timing: timing)
        source = SoundSource(sound)
        self.mixer = mixer
    }

    /// What it hears; may be changed while it runs.
    public var sound: SyntheticSound {
        get { source.sound }
        set { source.sound = newValue }
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
        let (reused, grant) = try await hardware.start(name: "mic-synthetic", priority: options.realTime ? 10 : nil) {
            connection in
            let pace = AudioPace(
                hardware: hardware, connection: connection, format: ring.format, options: options,
                firstBlock: options.firstBlock, onEvent: onEvent)
            counters.withLock { $0 = pace.counters }
            return (SyntheticCapture(pace: pace, source: source, ring: ring), pace.due)
        }
        return .synthetic(info.id, ring.format, options, reused: reused, grant: grant)
    }

    public func stop(_ standby: StandbyPolicy) async { await hardware.stop(standby) }
}

extension AudioStreamInfo {
    static func synthetic(
        _ id: DeviceID, _ format: AudioFormat, _ options: AudioStreamOptions, reused: Bool, grant: RealTimeGrant
    ) -> AudioStreamInfo {
        let periodFrames = max(1, format.sampleFrames(in: options.period))
        return AudioStreamInfo(
            device: id, sampleFormat: "S16_LE", rate: format.rate, channels: format.channels,
            periodFrames: periodFrames, bufferFrames: max(periodFrames * 2, format.rate / 2), access: "rw",
            reused: reused, realTime: grant)
    }
}

/// A running synthetic microphone.
@safe
private final class SyntheticCapture: SyntheticStream, @unchecked Sendable {
    private let pace: AudioPace
    private let source: SoundSource
    private let ring: AudioRing
    private let format: AudioFormat
    private let drain: (any AudioDrain)?
    private let origin: Int64
    private let scratch: UnsafeMutablePointer<Int16>
    private let scratchCount: Int
    private var isAfterMiss = false

    init(pace: AudioPace, source: SoundSource, ring: AudioRing) {
        self.pace = pace
        self.source = source
        self.ring = ring
        drain = ring.drain
        format = ring.format
        origin = SyntheticSound.sampleFrame(at: pace.startedAt, rate: ring.format.rate)
        scratchCount = pace.periodFrames * ring.format.channels
        unsafe scratch = .allocate(capacity: scratchCount)
        unsafe scratch.initialize(repeating: 0, count: scratchCount)
    }

    deinit { unsafe scratch.deallocate() }

    var isInterrupted: Bool { pace.isInterrupted }

    func period(due: MonotonicInstant, now: MonotonicInstant) -> MonotonicInstant? {
        switch pace.step(now: now) {
        case .over: return nil
        case .nothing: break
        case .block(let sampleFrames, let isAfterGap):
            capture(
                sampleFrames, at: pace.position, capturedAt: pace.time(of: pace.position), now: now,
                isAfterGap: isAfterGap, ring: ring, source: source, counters: pace.counters)
            drain?.soundCaptured()
        }
        pace.advance()
        return pace.due
    }

    // The objects are arguments because loading a reference from a field would count it.
    @_noLocks
    private func capture(
        _ sampleFrames: Int, at position: Int64, capturedAt: MonotonicInstant, now: MonotonicInstant, isAfterGap: Bool,
        ring: AudioRing, source: SoundSource, counters: AudioCounters
    ) {
        unsafe source.fill(
            scratch, sampleFrames: sampleFrames, channels: format.channels, rate: format.rate,
            position: origin + position)
        // No `||`: its right side is a closure, which would count this object.
        let isLost = isAfterMiss ? true : isAfterGap
        let isWritten = unsafe ring.write(
            scratch, sampleFrames: sampleFrames, capturedAt: capturedAt, isAfterGap: isLost)
        isAfterMiss = !isWritten
        counters.count(sampleFrames: sampleFrames, misses: isWritten ? 0 : sampleFrames)
        if isWritten { counters.first(block: now, sample: capturedAt) }
    }
}
