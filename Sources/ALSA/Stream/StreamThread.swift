import Media
import Synchronization

/// What a start asks for.
final class StartRequest: Sendable {
    let ring: AudioRing
    let options: AudioStreamOptions
    let onEvent: @Sendable (AudioDeviceEvent) -> Void
    private let cancelled = Atomic<Bool>(false)

    init(_ ring: AudioRing, _ options: AudioStreamOptions, _ onEvent: @escaping @Sendable (AudioDeviceEvent) -> Void) {
        self.ring = ring
        self.options = options
        self.onEvent = onEvent
    }

    var isCancelled: Bool { cancelled.load(ordering: .acquiring) }
    func cancel() { cancelled.store(true, ordering: .releasing) }
}

/// The thread of one PCM: it opens, runs, stops and closes the handle, so that nobody else touches it and a control
/// call that blocks holds up no other device. Made with the first command, kept until ``end()``.
final class StreamThread: Sendable {
    typealias StartReply = CheckedContinuation<Result<AudioStreamInfo, DeviceError>, Never>

    typealias PrepareReply = CheckedContinuation<Result<Void, DeviceError>, Never>

    enum Command {
        case prepare(AudioFormat, AudioStreamOptions, PrepareReply)
        case start(StartRequest, StartReply)
        case stop(StandbyPolicy, CheckedContinuation<Void, Never>)
        case end

        /// The priority that a thread begins with that is made for it: one that gets it when it runs may have waited long.
        var priority: Int? {
            let options: AudioStreamOptions? =
                switch self {
                case .prepare(_, let options, _): options
                case .start(let request, _): request.options
                case .stop, .end: nil
                }
            return options?.realTime == true ? StreamThread.priority : nil
        }
    }

    /// Below what sound servers take: they feed the devices that we may use through them.
    static let priority = 20

    private struct State {
        var commands: [Command] = []
        var thread: DeviceThread?
        /// Whether its stream ended by itself: there is nothing to stop.
        var hasEnded = false
    }

    let wakeup: Wakeup
    let target: PCMTarget
    private let state = Mutex(State())
    private let counters = Mutex(StreamCounters())

    /// - Throws: where the process may open no more files.
    init(_ target: PCMTarget) throws(DeviceError) {
        self.target = target
        wakeup = try Wakeup(for: "device(\(target.id))", target.name)
    }

    /// The counters of the running or last stream.
    var currentCounters: StreamCounters {
        get { counters.withLock { $0 } }
        set { counters.withLock { $0 = newValue } }
    }

    func start(_ request: StartRequest) async -> Result<AudioStreamInfo, DeviceError> {
        await withTaskCancellationHandler {
            await withCheckedContinuation { reply in send(.start(request, reply)) }
        } onCancel: {
            request.cancel()
            wakeup.signal()
        }
    }

    func prepare(_ format: AudioFormat, _ options: AudioStreamOptions) async -> Result<Void, DeviceError> {
        await withCheckedContinuation { reply in send(.prepare(format, options, reply)) }
    }

    func stop(_ standby: StandbyPolicy) async {
        guard state.withLock({ $0.thread != nil && !$0.hasEnded }) else { return }
        await withCheckedContinuation { reply in send(.stop(standby, reply)) }
    }

    /// Closes the handle and ends the thread.
    func end() {
        if state.withLock({ $0.thread != nil }) { send(.end) }
    }

    private func send(_ command: Command) {
        let isAsleep = state.withLock { state in
            state.commands.append(command)
            state.hasEnded = false
            guard state.thread == nil else { return true }
            // It begins with the command, and needs no call: that would come while it runs already.
            state.thread = DeviceThread(name: target.threadName, priority: command.priority) { _ in
                StreamRunner(self).run()
            }
            return false
        }
        if isAsleep { wakeup.signal() }
    }

    // MARK: For the thread

    func nextCommand() -> Command? {
        state.withLock { state in state.commands.isEmpty ? nil : state.commands.removeFirst() }
    }

    /// The stream is over and closed.
    func ended() { state.withLock { $0.hasEnded = $0.commands.isEmpty } }

    var hasCommands: Bool { state.withLock { !$0.commands.isEmpty } }
}

/// The PCM that a stream is for.
struct PCMTarget: Sendable {
    var id: DeviceID
    /// The name for `snd_pcm_open`.
    var name: String
    var direction: AudioDirection
    /// Whether a program stands between us and the hardware: it has periods of its own, and short ones cost it dearly.
    var isServer: Bool

    /// At most 15 bytes.
    var threadName: String { direction == .capture ? "alsa-capture" : "alsa-playback" }
}
