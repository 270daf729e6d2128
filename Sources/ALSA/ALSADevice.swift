import Media
import Synchronization

/// A microphone or speaker of ALSA: one PCM, opened, run and closed by a thread of its own.
final class ALSADevice: AudioDevice {
    let info: AudioDeviceInfo
    private let thread: StreamThread
    private let foundMixer = Mutex<CardMixer?>(nil)

    /// - Throws: where the process may open no more files.
    init(_ info: AudioDeviceInfo) throws(DeviceError) {
        self.info = info
        thread = try StreamThread(
            PCMTarget(
                id: info.id, name: info.id.rawValue, direction: info.direction, isServer: info.kind == .soundServer))
    }

    deinit { thread.end() }

    var statistics: AudioStreamStatistics { thread.currentCounters.statistics }

    /// A card has dozens of controls, so that looking takes longer than opening the PCM does.
    var mixer: (any AudioMixer)? {
        get async {
            if let mixer = foundMixer.withLock({ $0 }) { return mixer }
            let (name, direction) = (info.id.rawValue, info.direction)
            let mixer = try? await ControlThread.shared.run { () throws(DeviceError) in
                CardMixer.of(pcm: name, direction)
            }
            foundMixer.withLock { $0 = mixer ?? nil }
            return mixer ?? nil
        }
    }

    func prepare(_ format: AudioFormat, options: AudioStreamOptions) async throws(DeviceError) {
        try await thread.prepare(format, options).get()
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
