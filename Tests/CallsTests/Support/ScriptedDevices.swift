import Media
import Synchronization

/// Devices that run no thread and move no time: one block or picture at the start, and then what a script lets happen to
/// them. For tests of hours.
final class ScriptedHardware: Sendable {
    struct State {
        var isPresent = true
        var isBusy = false
        var isStalled = false
        /// Whether a camera's bus has no room for what is wanted.
        var isCrowded = false
        var isRunning = false
        var isOpen = false
        var ended: (@Sendable (DeviceError) -> Void)?
        var stalled: (@Sendable (DeviceError) -> Void)?
        var resumed: (@Sendable () -> Void)?
        var starts = 0
    }

    let id: DeviceID
    let state = Mutex(State())

    init(_ id: DeviceID) { self.id = id }

    var isRunning: Bool { state.withLock { $0.isRunning } }
    var isOpen: Bool { state.withLock { $0.isOpen } }
    /// Whether it delivers, or would where it was started.
    var isGood: Bool { state.withLock { $0.isPresent && !$0.isStalled && (!$0.isBusy || $0.isOpen) } }
    var isPresent: Bool { state.withLock { $0.isPresent } }
    var starts: Int { state.withLock { $0.starts } }

    func error(_ code: DeviceError.Code) -> DeviceError {
        DeviceError(code, operation: "start(\(id))", device: id.rawValue, reason: "as the script says")
    }

    func setBusy(_ isBusy: Bool) { state.withLock { $0.isBusy = isBusy } }

    func setCrowded(_ isCrowded: Bool) { state.withLock { $0.isCrowded = isCrowded } }

    func unplug() {
        let ended = state.withLock { state in
            state.isPresent = false
            state.isOpen = false
            defer { state.isRunning = false }
            return state.isRunning ? state.ended : nil
        }
        ended?(error(.disconnected))
    }

    func plugIn() { state.withLock { $0.isPresent = true } }

    func setStalled(_ isStalled: Bool) {
        let tell = state.withLock { state -> (@Sendable () -> Void)? in
            guard state.isStalled != isStalled else { return nil }
            state.isStalled = isStalled
            guard state.isRunning else { return nil }
            let (stalled, resumed) = (state.stalled, state.resumed)
            let error = error(.stalled)
            if isStalled { return { stalled?(error) } }
            return resumed
        }
        tell?()
    }

    func open() throws(DeviceError) {
        let failure = state.withLock { state -> DeviceError.Code? in
            guard state.isPresent else { return .noDevice }
            guard !state.isBusy || state.isOpen else { return .busy }
            state.isOpen = true
            return nil
        }
        if let failure { throw error(failure) }
    }

    /// - Returns: whether it delivers.
    func start(
        ended: @escaping @Sendable (DeviceError) -> Void, stalled: @escaping @Sendable (DeviceError) -> Void,
        resumed: @escaping @Sendable () -> Void
    ) throws(DeviceError) -> Bool {
        try open()
        let delivers = state.withLock { state in
            state.isRunning = true
            state.starts += 1
            (state.ended, state.stalled, state.resumed) = (ended, stalled, resumed)
            return !state.isStalled
        }
        if !delivers { stalled(error(.neverStarted)) }
        return delivers
    }

    func stop(_ standby: StandbyPolicy) {
        state.withLock { state in
            state.isRunning = false
            if standby == .release { state.isOpen = false }
        }
    }
}

/// A call of a driver that does not come back.
enum ScriptedHang: CaseIterable, Sendable {
    case lookUp, list, prepare, start, stop
    /// It starts, and neither delivers nor tells.
    case delivery
}

final class ScriptedCard: AudioDevice {
    let info: AudioDeviceInfo
    let hardware: ScriptedHardware
    /// Where a driver does not come back.
    let hung = Mutex<(place: ScriptedHang, gate: Gate)?>(nil)
    private let now: @Sendable () -> MonotonicInstant
    private let ring = Mutex<AudioRing?>(nil)
    /// A ring has one producer: the start's block and the test's come from two threads.
    private let turn = Mutex(())
    private let onEvent = Mutex<(@Sendable (AudioDeviceEvent) -> Void)?>(nil)

    init(_ info: AudioDeviceInfo, now: @escaping @Sendable () -> MonotonicInstant) {
        self.info = info
        self.now = now
        hardware = ScriptedHardware(info.id)
    }

    var statistics: AudioStreamStatistics { AudioStreamStatistics() }
    let script = Mutex<(sample: Int16, mixer: (any AudioMixer)?)>((1, nil))
    var mixer: (any AudioMixer)? { script.withLock { $0.mixer } }

    /// From now on the driver does not come back from there, until the gate is opened.
    func hang(in place: ScriptedHang) -> Gate {
        let gate = Gate()
        hung.withLock { $0 = (place, gate) }
        return gate
    }

    func pass(_ place: ScriptedHang) async {
        guard let hung = hung.withLock({ $0 }), hung.place == place else { return }
        await hung.gate.pass(isCancellable: false)
    }

    func prepare(_ format: AudioFormat, options: AudioStreamOptions) async throws(DeviceError) {
        await pass(.prepare)
        try hardware.open()
    }

    func start(
        _ ring: AudioRing, options: AudioStreamOptions, onEvent: @escaping @Sendable (AudioDeviceEvent) -> Void
    ) async throws(DeviceError) -> AudioStreamInfo {
        await pass(.start)
        let delivers = try hardware.start(
            ended: { onEvent(.ended($0)) }, stalled: { onEvent(.stalled($0)) }, resumed: { onEvent(.resumed) })
        self.ring.withLock { $0 = ring }
        self.onEvent.withLock { $0 = onEvent }
        if delivers { capture() }
        return AudioStreamInfo(
            device: info.id, sampleFormat: "S16_LE", rate: ring.format.rate, channels: ring.format.channels,
            periodFrames: 480, bufferFrames: 960, access: "rw", reused: false, realTime: .notAsked)
    }

    func stop(_ standby: StandbyPolicy) async {
        await pass(.stop)
        hardware.stop(standby)
        ring.withLock { $0 = nil }
    }

    /// An xrun that was got over: so many by now.
    func xrun(_ total: Int64) {
        guard hardware.isRunning else { return }
        onEvent.withLock { $0 }?(.recovered(xruns: total, gap: .milliseconds(20)))
    }

    /// A running microphone hears 20 ms.
    func capture() {
        guard info.direction == .capture, hardware.isRunning, hardware.isGood else { return }
        if hung.withLock({ $0?.place == .delivery }) { return }
        guard let ring = ring.withLock({ $0 }) else { return }
        let block = [Int16](repeating: script.withLock { $0.sample }, count: 960 * ring.format.channels)
        turn.withLock { _ in
            unsafe block.withUnsafeBufferPointer { samples in
                guard let start = samples.baseAddress else { return }
                _ = unsafe ring.write(start, sampleFrames: 960, capturedAt: now())
            }
            ring.drain?.soundCaptured()
        }
    }
}

final class ScriptedCamera: VideoDevice {
    let info: VideoDeviceInfo
    let hardware: ScriptedHardware
    private let now: @Sendable () -> MonotonicInstant

    init(_ id: DeviceID, _ direction: CameraDirection, now: @escaping @Sendable () -> MonotonicInstant) {
        info = VideoDeviceInfo(id: id, name: id.rawValue, bus: "script", direction: direction)
        self.now = now
        hardware = ScriptedHardware(id)
    }

    var statistics: VideoStreamStatistics { VideoStreamStatistics() }
    var controls: (any VideoControls)? { nil }

    func start(
        _ target: VideoTarget, deliver: @escaping @Sendable (VideoFrame) -> Void,
        onEvent: @escaping @Sendable (VideoDeviceEvent) -> Void
    ) async throws(DeviceError) -> VideoStreamInfo {
        let delivers = try hardware.start(
            ended: { onEvent(.ended($0)) }, stalled: { onEvent(.stalled($0)) }, resumed: { onEvent(.resumed) })
        if delivers { deliver(frame) }
        return VideoStreamInfo(
            device: info.id, format: "YU12", width: 64, height: 32, framesPerSecond: 30, reused: false,
            isReduced: hardware.state.withLock { $0.isCrowded })
    }

    func stop(_ standby: StandbyPolicy) async { hardware.stop(standby) }

    private var frame: VideoFrame {
        // The picture owns its memory, and gives it back when the last reference is gone.
        let memory = unsafe UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 32 * 3 / 2, alignment: 64)
        _ = unsafe memory.initializeMemory(as: UInt8.self, repeating: 128)
        let bytes = UnsafeRawBufferPointer(memory)
        let address = UInt(bitPattern: memory.baseAddress)
        return unsafe VideoFrame(
            format: .i420, width: 64, height: 32,
            planes: [
                .init(bytes: UnsafeRawBufferPointer(rebasing: bytes[..<2048]), stride: 64),
                .init(bytes: UnsafeRawBufferPointer(rebasing: bytes[2048..<2560]), stride: 32),
                .init(bytes: UnsafeRawBufferPointer(rebasing: bytes[2560...]), stride: 32),
            ],
            capturedAt: now(), sequence: 0,
            release: { unsafe UnsafeMutableRawPointer(bitPattern: address)?.deallocate() })
    }
}

/// A machine whose devices follow a script.
struct ScriptedMachine: AudioDevices, VideoDevices {
    let cards: [ScriptedCard]
    let cameras: [ScriptedCamera]
    let watch = SyntheticDeviceWatch()

    func devices(_ direction: AudioDirection) async throws(DeviceError) -> [AudioDeviceInfo] {
        for card in cards { await card.pass(.list) }
        return cards.filter { $0.info.direction == direction && $0.hardware.isPresent }.map(\.info)
    }

    func device(_ id: DeviceID, _ direction: AudioDirection) async throws(DeviceError) -> any AudioDevice {
        let card = cards.first { $0.info.id == id && $0.info.direction == direction && $0.hardware.isPresent }
        guard let card else { throw ScriptedHardware(id).error(.noDevice) }
        await card.pass(.lookUp)
        return card
    }

    func known(_ info: AudioDeviceInfo) -> (any AudioDevice)? {
        cards.first { $0.info.id == info.id && $0.info.direction == info.direction }
    }

    func devices() async throws(DeviceError) -> [VideoDeviceInfo] { cameras.filter(\.hardware.isPresent).map(\.info) }

    func device(_ id: DeviceID) async throws(DeviceError) -> any VideoDevice {
        // As a driver has a node for a camera beside its id.
        let names = { (camera: ScriptedCamera) in [camera.info.id, DeviceID("/dev/\(camera.info.id)")] }
        guard let camera = cameras.first(where: { names($0).contains(id) && $0.hardware.isPresent }) else {
            throw ScriptedHardware(id).error(.noDevice)
        }
        return camera
    }

    var system: DeviceSystem {
        DeviceSystem(audio: self, cameras: self, screens: SyntheticVideoDevices([]), watch: watch)
    }
}
