import Codecs
import Reprise

/// Joins a call, leaves it and rejoins it.
struct CallSessions: Sendable {
    /// Which call, as whom, over what.
    struct Place: Sendable {
        var service: any CallService
        var type: String
        var id: String
        var user: User
        /// Whether the call is this command's to create, with the settings that its devices ask for. In somebody else's
        /// call they are switched on and off before each join.
        var isOwn: Bool

        /// A room of this process with a participant that sends back what it gets.
        static func echo(
            _ id: String, user: User, isOwn: Bool, transport: InProcessService.Transport = .loopback
        ) -> Place {
            Place(
                service: InProcessService(transport: transport), type: InProcessService.echoType, id: id, user: user,
                isOwn: isOwn)
        }
    }

    /// What to keep of the sound, and of the pictures with it.
    enum Recording: Sendable {
        /// All sessions' sound, one after the other.
        case file(String)
        /// A WAV file a session and the last picture, and the same of each of the others.
        case folder(String)
    }

    struct Plan: Sendable {
        /// Nil: one session.
        var cycles = 1
        /// How long a session lasts from when its devices deliver or have failed; nil: until a person ends it.
        var duration: Duration?
        var pause = Duration.zero
        var standby = StandbyPolicy.release
        var volume: Int?
        var camera: VideoResolution?
        var opus = OpusSettings()
        var snapshot: String?
        var recording: Recording?
        /// Whether the others in the call and the way to them are told of.
        var tellsOthers = false
        /// Whether to tell what happened when.
        var traces = false
        var isJSON = false
        /// Whether another device is taken where one goes, and that one again when it returns.
        var fallsBack = false
        /// Whether what happens to the devices is told as it happens.
        var follows = false
    }

    let plan: Plan
    let chosen: ChosenDevices
    let display: SessionDisplay
    let call: Call
    private let place: Place
    private let client: Client
    private let keeper: PictureKeeper?
    private let recorder: SoundRecorder?

    /// - Throws: `CodecError` where the recording cannot be written.
    init(_ plan: Plan, _ place: Place, _ chosen: ChosenDevices, _ display: SessionDisplay) throws {
        self.plan = plan
        self.place = place
        self.chosen = chosen
        self.display = display
        var configuration = chosen.configuration(plan.standby, fallsBack: plan.fallsBack)
        configuration.opus = plan.opus
        client = Client(
            user: place.user, service: place.service, devices: chosen.machine.devices, configuration: configuration)
        let call = client.call(type: place.type, id: place.id)
        self.call = call
        var keepsPictures = plan.snapshot != nil
        var file: String?
        switch plan.recording {
        case .file(let path): file = path
        case .folder: keepsPictures = true
        case nil: break
        }
        keeper = keepsPictures ? PictureKeeper(call) : nil
        recorder = try file.map { try SoundRecorder($0, call, channels: plan.opus.channels) }
    }

    /// Returns when all sessions were held, or the task was cancelled and the call left.
    /// - Throws: `CommandError` where a device that was to run delivered nothing in some session, or the call was ended
    ///   from elsewhere; `OutputError`.
    func run() async throws {
        if place.isOwn { try await call.create(CallCreation(settings: chosen.settings(plan.camera))) }
        let result: Result<SessionSummary, any Error>
        do { result = .success(try await holdSessions()) } catch { result = .failure(error) }
        // However it ended, the devices are given back and what was recorded is kept.
        await client.close()
        let recorded: Result<Void, any Error>
        do { recorded = .success(try await recorder?.finish() ?? ()) } catch { recorded = .failure(error) }
        try display.close()
        for line in try result.get().lines { try display.line(line) }
        try recorded.get()
        try keeper?.save(to: plan.snapshot)
    }

    private func holdSessions() async throws -> SessionSummary {
        var summary = SessionSummary()
        var failure: CommandError?
        for session in 1...plan.cycles where !Task.isCancelled {
            if session > 1 { try? await Task.sleep(for: plan.pause) }
            guard let (record, lasted) = try await hold(session) else { break }
            summary.add(record, lasted: lasted)
            try display.record(record)
            if let end = record.end { failure = CommandError("Session \(session) ended: \(end)") }
            if !Task.isCancelled, failure == nil, let kind = record.failed.first {
                failure = CommandError(
                    "The \(kind) delivered nothing in session \(session): "
                        + (record.devices[kind]?.error?.description ?? "no frame came in time") + ".")
            }
        }
        if let failure { throw failure }
        return summary
    }

    /// One session: join, watch, leave.
    /// - Returns: nil where the join was cancelled.
    private func hold(_ session: Int) async throws -> (SessionRecord, lasted: Duration)? {
        try await prepareDevices()
        let tape = try sessionTape(session)
        let requestedAt = MonotonicInstant.now()
        do { try await call.join() } catch is CancellationError { return nil } catch let error as CallError {
            if plan.tellsOthers { try display.record(["session": JSON(session), "error": JSON(error)]) }
            throw error
        }
        let join = MonotonicInstant.now() - requestedAt
        var watch = SessionWatch(
            session: session, joinedAt: requestedAt, display: display,
            news: plan.follows ? DeviceNews(chosen.kinds) : nil)
        let watched: Result<Void, any Error>
        do {
            watched = .success(try await watch.run(call, tape ?? recorder, chosen.kinds, atMost: plan.duration))
        } catch {
            watched = .failure(error)
        }
        let others = plan.tellsOthers ? call.state.participants.value.filter { !$0.isLocal } : nil
        await keeper?.waitForPicture()
        let devices = Dictionary(uniqueKeysWithValues: chosen.kinds.map { ($0, state(of: $0)) })
        let leftAt = MonotonicInstant.now()
        let before = failure
        await call.leave()
        // What ended by itself may have been in the middle of it.
        let end = before ?? failure
        let leave = MonotonicInstant.now() - leftAt
        try await keep(tape, session)
        try watched.get()
        guard let report = call.state.lastSession.value, report.generation == call.generation else {
            throw CommandError(
                "Session \(session) is still being left after \(leave.millisecondsText): a device does not stop.",
                advice: "Please report this with the output of `reprise devices`")
        }
        if plan.traces { try showTrace(report, since: requestedAt) }
        try watch.showErrors(report.errors)
        let afterLeave = DeviceKind.allCases.map { ($0, call.manager($0).status) }
        let record = SessionRecord(
            session: session, report: report, devices: devices, join: join, leave: leave,
            afterLeave: Dictionary(uniqueKeysWithValues: afterLeave), others: others, end: end)
        return (record, leftAt - requestedAt)
    }

    /// Why the call is over, where it was not left.
    private var failure: CallError? { if case .failed(let error) = call.state.connection.value { error } else { nil } }

    /// What a person asked of the devices, said before each join: a leave forgets it.
    private func prepareDevices() async throws {
        if let volume = plan.volume { try await call.speaker.setVolume(volume) }
        guard !place.isOwn else { return }
        call.camera.target = plan.camera
        for kind in DeviceKind.allCases { try await call.manager(kind).setEnabled(chosen.uses(kind)) }
    }

    /// The file that a session's sound goes into, where each has its own.
    private func sessionTape(_ session: Int) throws -> SoundRecorder? {
        guard case .folder(let folder) = plan.recording else { return nil }
        keeper?.forget()
        let path = "\(folder)/session-\(session)"
        return try SoundRecorder(
            "\(path).wav", call, channels: plan.opus.channels, voices: VoiceFiles(path, call, keeper))
    }

    private func keep(_ tape: SoundRecorder?, _ session: Int) async throws {
        guard case .folder(let folder) = plan.recording else { return }
        try await tape?.finish()
        try keeper?.saveIfThere(to: "\(folder)/session-\(session).jpg")
    }

    private func showTrace(_ report: SessionReport, since requestedAt: MonotonicInstant) throws {
        for event in report.trace {
            let time = (event.at - requestedAt).milliseconds.fixed(2).padded(10, right: true)
            try display.trouble("\(time) ms  \(event.name)  \(event.detail)")
        }
    }

    private func state(of kind: DeviceKind) -> SessionRecord.Device {
        let manager = call.manager(kind)
        return .init(id: manager.selectedDevice, status: manager.status, error: manager.error)
    }
}

/// Shows a session while it lasts.
private struct SessionWatch {
    let session: Int
    let joinedAt: MonotonicInstant
    let display: SessionDisplay
    private var rate = FrameRate()
    /// How long devices may take to start.
    private static let patience = Duration.seconds(10)
    private var errorsShown = 0
    private var hasToldRecording = false
    private var news: DeviceNews?

    init(session: Int, joinedAt: MonotonicInstant, display: SessionDisplay, news: DeviceNews?) {
        self.news = news
        self.session = session
        self.joinedAt = joinedAt
        self.display = display
    }

    /// Returns at the end, at cancellation, and when the call was ended from elsewhere.
    /// - `atMost`: counted from when the devices deliver or have failed.
    /// - Throws: `OutputError`.
    mutating func run(
        _ call: Call, _ recorder: SoundRecorder?, _ kinds: [DeviceKind], atMost duration: Duration?
    ) async throws {
        var settledAt: MonotonicInstant?
        while true {
            if let failure = recorder?.failure, !hasToldRecording {
                // The file is short: told at once, and again by the exit status. It is no reason to hang up.
                hasToldRecording = true
                try display.trouble("session \(session): the recording has ended, the call goes on: \(failure)")
            }
            let now = MonotonicInstant.now()
            if settledAt == nil, now - joinedAt >= Self.patience || kinds.allSatisfy(call.isSettled) { settledAt = now }
            let left = duration.flatMap { duration in settledAt.map { $0 + duration - now } } ?? .seconds(1)
            guard !Task.isCancelled, left > .zero, let statistics = call.statistics else { return }
            try showErrors(call.state.errors.value)
            for line in news?.lines(call) ?? [] {
                try display.line("\((now - joinedAt).milliseconds.fixed(0).padded(7, right: true)) ms  \(line)")
            }
            let framesPerSecond = statistics.camera.flatMap { rate.add($0.stream.frames, at: now) }
            try display.show(
                LiveStatus(
                    session: session, elapsed: now - joinedAt, statistics: statistics,
                    framesPerSecond: framesPerSecond))
            // Often where somebody watches the line; each look costs wake-ups.
            let pause = settledAt == nil || news != nil ? 20 : display.isWatched ? 100 : 1000
            try? await Task.sleep(for: min(.milliseconds(pause), left))
        }
    }

    /// Tells what went wrong since the last time.
    mutating func showErrors(_ errors: [CallError]) throws {
        for error in errors.dropFirst(errorsShown) { try display.trouble("session \(session): \(error)") }
        errorsShown = max(errorsShown, errors.count)
    }
}
