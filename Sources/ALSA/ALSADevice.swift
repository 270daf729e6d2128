import Media

/// A microphone or speaker of ALSA: one PCM, opened, run and closed by a thread of its own.
final class ALSADevice: AudioDevice {
    let info: AudioDeviceInfo
    let mixer: (any AudioMixer)?
    private let thread: StreamThread

    init(_ info: AudioDeviceInfo, _ target: PCMTarget, mixer: (any AudioMixer)?) {
        self.info = info
        self.mixer = mixer
        thread = StreamThread(target)
    }

    deinit { thread.end() }

    var statistics: AudioStreamStatistics { thread.currentCounters.statistics }

    func prepare(_ format: AudioFormat, options: AudioStreamOptions) async throws(DeviceError) {
        // A ring of the start's format: only its format counts here.
        let request = StartRequest(AudioRing(format: format, capacity: 1), options) { _ in }
        try await thread.prepare(request).get()
    }

    func start(
        _ ring: AudioRing, options: AudioStreamOptions, onEvent: @escaping @Sendable (AudioDeviceEvent) -> Void
    ) async throws(DeviceError) -> AudioStreamInfo {
        guard options.period > .zero, options.period <= .seconds(1), options.stallAfter > .zero else {
            throw DeviceError(
                .invalidArgument, operation: "start(\(info.id))", device: info.id.rawValue,
                reason: "a period of more than 0 and at most 1 s, and a stall after more than 0")
        }
        return try await thread.start(StartRequest(ring, options, onEvent)).get()
    }

    func stop(_ standby: StandbyPolicy) async { await thread.stop(standby) }
}
