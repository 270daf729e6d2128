import Media
import Scopes
import Synchronization

/// What the four device managers have in common: what is wanted of a device, what it does, and the order of changes.
///
/// An operation (`enable`, `select`, `pause`, …) writes down what is wanted and then has the device *converge* to it:
/// one at a time, as a child of the session's scope, so that a leave ends it and waits for it. An operation that was
/// begun before a reset is refused after it.
public final class DeviceControl: Sendable {
    struct State {
        /// What a person, or the call's settings, asked for; nil: nobody did.
        var intent: Bool?
        /// Whether a pause holds the device back; the intent is what is resumed.
        var isPaused = false
        /// The device that a person chose.
        var selection: Selection?
        /// The device that runs.
        var running: Running?
        /// The device that ran last, stopped: closed, or warm where the policy keeps it so. Used again by the next start
        /// of the same device, which spares looking it up.
        var parked: Parked?
        /// Those that ended by themselves: their streams are over, and are closed before anything else is started.
        var ended: [any RunnableDevice] = []
        var error: DeviceError?
        /// The device that went away or failed in the session: taken up again when it returns, until something else is
        /// chosen.
        var lost: Lost?
        /// Since when nothing is delivered though it is wanted.
        var silentSince: MonotonicInstant?
        var trials = DeviceTrials()
        var storm = XrunStorm()
        var room = RoomTrials()
        var ladder = StallLadder()
        var recoveries = DeviceRecoveries()
        /// Whether a choosing anew stands in the queue: many signals need one.
        var isChoosing = false
        /// What goes on while no device is there.
        var standIn: ScopeJob?
        /// Waits to try a device again.
        var retry: ScopeJob?
        /// Counts resets.
        var epoch = 0
        var jobs: [Int: ScopeJob] = [:]
        var nextJob = 0
    }

    /// A device that a person chose.
    struct Selection: Sendable, Equatable {
        let id: DeviceID
        /// What it is called, and which were seen beside it, nil where nobody has looked: in another socket it is a new one
        /// of that name.
        var name: String?
        var beside: Set<DeviceID>?
    }

    /// A device between two sessions.
    struct Parked {
        let device: any RunnableDevice
        let name: DeviceID

        func isCalled(_ id: DeviceID) -> Bool { device.deviceID == id || name == id }
    }

    struct Lost {
        let name: DeviceID
        /// The object it was, which can be started when the hardware is back. Nil for one that stalled, whose thread may hang.
        var device: (any RunnableDevice)?
        /// The card that is gone with it.
        var card: String?
    }

    struct Running {
        let device: any RunnableDevice
        /// As it was asked for: its id, or the backend's own name for it (`/dev/video2`).
        let name: DeviceID
        let token: Int
        /// Whether it has delivered: before that it is not called enabled.
        var hasArrived = false
        var isMuted = false
        var isStalled = false

        func isCalled(_ id: DeviceID) -> Bool { device.deviceID == id || name == id }
    }

    /// Why a device converges, where it is not because a person asked.
    struct Purpose {
        /// A choice that does not work is an error; otherwise the next device is taken.
        var mustTakeSelection = false
        /// Look whether another device is better than the one that runs.
        var isRerouting = false
        /// By itself: after a fault or a signal. It takes the devices that were seen last, and is quiet about what it
        /// has told already.
        var isRecovery = false
        /// The run that stalled, which is restarted.
        var stalled: Int?
        /// The run that is opened anew: with a larger buffer, or at the wanted size.
        var reopened: Int?
        var isRegaining = false
    }

    let link: CallLink
    let driver: any DeviceDriver
    let status = StateFlow(DeviceStatus.notSelected)
    let error = StateFlow<DeviceError?>(nil)
    let selected = StateFlow<DeviceID?>(nil)
    let state = Mutex(State())
    let gate = SerialGate()
    private let publishing = Mutex(())

    init(link: CallLink, driver: any DeviceDriver) {
        self.link = link
        self.driver = driver
    }

    // MARK: What is wanted

    func setEnabled(_ isOn: Bool, fromUser: Bool) async throws(DeviceError) {
        let epoch = state.withLock { state in
            state.intent = isOn
            if fromUser { state.isPaused = false }
            if !isOn { state.error = nil }
            return state.epoch
        }
        publish()
        try await convergeIfJoined(epoch, presenceMatters: isOn)
    }

    /// The call's settings, at a session's beginning: they count only where nobody has said anything yet. Returns at
    /// once; a device that fails is told by its error and the call's, and the session goes on without it.
    /// - `isOn`: nil where the settings say nothing of this device.
    func setUp(_ isOn: Bool?, in session: CallLifecycle.Session) throws(ScopeError) {
        let remembered = remembered
        let (epoch, intent) = state.withLock { state in
            if state.intent == nil { state.intent = isOn }
            if state.selection == nil, let remembered {
                state.selection = Selection(id: remembered.id, name: remembered.name, beside: [])
            }
            return (state.epoch, state.intent)
        }
        guard intent != nil else { return }
        let job = try launchConverging(epoch, session) { _ in }
        state.withLock { state in
            // Nobody waits for it: a finished one need not be remembered.
            state.jobs = state.jobs.filter { $0.key == job.key || $0.value.isActive }
        }
    }

    func pause() async throws(DeviceError) {
        let epoch = state.withLock { state -> Int? in
            guard state.intent != nil, !state.isPaused else { return nil }
            state.isPaused = true
            return state.epoch
        }
        if let epoch { try await convergeIfJoined(epoch, presenceMatters: false) }
    }

    func resume() async throws(DeviceError) {
        let epoch = state.withLock { state -> Int? in
            guard state.isPaused else { return nil }
            state.isPaused = false
            return state.epoch
        }
        if let epoch { try await convergeIfJoined(epoch, presenceMatters: false) }
    }

    /// Counts resets: what was begun in an earlier epoch is refused.
    var epoch: Int { state.withLock { $0.epoch } }

    /// - `id`: nil leaves the choice to the routing again.
    /// - `begun`: the epoch in which whoever chooses began; nil: this one.
    func select(_ id: DeviceID?, since begun: Int? = nil) async throws(DeviceError) {
        let epoch = begun ?? self.epoch
        var selection: Selection?
        if let id {
            let name = try await answered { [driver] () async throws(DeviceError) in try await driver.device(id).name }
            selection = Selection(id: id, name: name)
        }
        let previous = try state.withLock { [selection] state throws(DeviceError) in
            // The look-up may have taken longer than the session.
            guard state.epoch == epoch else { throw refused("the device was reset meanwhile") }
            defer {
                state.selection = selection
                state.lost = nil
                state.trials = DeviceTrials()
            }
            return state.selection
        }
        publish()
        do {
            try await convergeIfJoined(
                epoch, presenceMatters: false, Purpose(mustTakeSelection: id != nil, isRerouting: id == nil))
        } catch {
            if error.code == .timedOut { throw error }
            // The choice did not work: back to the one before, and tell.
            state.withLock { state in
                if state.epoch == epoch, state.selection?.id == id { state.selection = previous }
            }
            try? await convergeIfJoined(epoch, presenceMatters: false)
            throw error
        }
        remember(id, selection?.name)
        followChoice()
        if let session = link.call.activeSession {
            link.call.media.companion(of: self)?.chooseAgain(in: session)
        }
    }

    /// Looks again which device is best, as after the order has changed.
    func reroute() async throws(DeviceError) {
        state.withLock { $0.lost = nil }
        try await convergeIfJoined(epoch, presenceMatters: false, Purpose(isRerouting: true))
    }

    /// Whether a device runs and delivers, muted or not.
    var isDelivering: Bool {
        state.withLock { $0.running.map { $0.hasArrived && !$0.isStalled } ?? false }
    }

    /// The device that a person chose, while it runs.
    var chosen: DeviceID? {
        state.withLock { state in
            guard let id = state.selection?.id, state.running?.isCalled(id) == true else { return nil }
            return id
        }
    }

    // MARK: Reset

    /// Back to the beginning, for who asks for it outside of a leave: returns when the device is closed, or after
    /// ``CallConfiguration/cleanupTimeout`` with the closing going on.
    func reset(_ body: @escaping @Sendable () async -> Void) async {
        do throws(DeviceError) { try await answered(body) } catch { publish() }
    }

    /// Back to the beginning: nothing wanted, nothing chosen.
    /// - `standby`: what to keep of the device for the next session, as a leave does; nil: nothing.
    func reset(keeping standby: StandbyPolicy?) async {
        let jobs = state.withLock { state in
            state.epoch += 1
            state.intent = nil
            state.isPaused = false
            state.selection = nil
            state.error = nil
            state.lost = nil
            state.silentSince = nil
            state.trials = DeviceTrials()
            state.storm = XrunStorm()
            state.room = RoomTrials()
            state.ladder = StallLadder()
            state.isChoosing = false
            state.recoveries = DeviceRecoveries()
            driver.forget()
            defer { state.retry = nil }
            return Array(state.jobs.values) + (state.retry.map { [$0] } ?? [])
        }
        for job in jobs { job.cancel() }
        await gate.withGate {
            await self.endStandIn()
            await self.stopRunning(standby ?? .release)
            if standby == nil { await self.closeParked() }
        }
        publish()
    }

    /// Stops the device as a leave does; what was wanted stays until the reset.
    func stop(_ standby: StandbyPolicy) async {
        await gate.withGate {
            await self.endStandIn()
            await self.stopRunning(standby)
        }
        publish()
    }

    // MARK: Converging

    private func convergeIfJoined(
        _ epoch: Int, presenceMatters: Bool, _ purpose: Purpose = Purpose()
    ) async throws(DeviceError) {
        guard let session = link.call.activeSession else {
            // Not in the call: what is wanted is kept for the next join. Nothing is opened, and with no device there
            // is nothing to want.
            if presenceMatters {
                do {
                    _ = try await answered { [driver] () async throws(DeviceError) in try await driver.candidates() }
                } catch {
                    state.withLock { if $0.epoch == epoch { $0.intent = nil } }
                    publish()
                    throw error
                }
            }
            return
        }
        let result = Mutex<Result<Void, DeviceError>>(.failure(refused("the session ended")))
        let job: (key: Int, job: ScopeJob)
        do {
            job = try launchConverging(epoch, session, purpose) { outcome in result.withLock { $0 = outcome } }
        } catch {
            throw refused("the session ended")
        }
        try await answered { () async throws(DeviceError) in
            await job.job.wait()
            _ = self.state.withLock { $0.jobs.removeValue(forKey: job.key) }
        }
        try result.withLock { $0 }.get()
    }

    /// Has the device converge as a child of the session's scope.
    /// - Throws: where the session is over.
    func launchConverging(
        _ epoch: Int, _ session: CallLifecycle.Session, _ purpose: Purpose = Purpose(),
        outcome: @escaping @Sendable (Result<Void, DeviceError>) -> Void
    ) throws(ScopeError) -> (key: Int, job: ScopeJob) {
        let key = state.withLock { state in
            state.nextJob += 1
            return state.nextJob
        }
        let job = try session.scope.launch(driver.name) {
            let result = await self.gate.withGate { () async -> Result<Void, DeviceError> in
                do throws(DeviceError) {
                    try await self.converge(epoch, session, purpose)
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }
            outcome(result)
        }
        state.withLock { state in
            state.jobs[key] = job
            if state.epoch != epoch { job.cancel() }
        }
        return (key, job)
    }

    // MARK: Helpers

    /// Waits for what a driver that hangs may keep for ever as long as a join waits for a cleanup. It goes on all the same.
    /// - Throws: `.timedOut`.
    func answered<Value: Sendable>(
        _ body: @escaping @Sendable () async throws(DeviceError) -> Value
    ) async throws(DeviceError) -> Value {
        let configuration = link.call.configuration
        let limit = configuration.cleanupTimeout
        return try await answer(driver.name, body).value(
            within: limit, clock: configuration.clock,
            late: DeviceError(
                .timedOut, operation: driver.name, device: selected.value?.rawValue ?? driver.name,
                reason: "the driver has not answered for \(limit.milliseconds) ms",
                advice: "What was asked is done when it answers. Plug the device out and in"))
    }

    func check(_ epoch: Int, _ session: CallLifecycle.Session) throws(DeviceError) {
        guard !Task.isCancelled, session.scope.isCurrent, self.epoch == epoch else {
            throw refused("the session ended or the device was reset meanwhile")
        }
    }

    func refused(_ reason: String) -> DeviceError {
        DeviceError(.cancelled, operation: driver.name, device: driver.name, reason: reason)
    }

    func setMutedFlag(_ isMuted: Bool) { state.withLock { $0.running?.isMuted = isMuted } }

    /// Derives the status from the state, in one place and by one thread at a time: of two that publish at once, the
    /// later one must have looked last.
    func publish() {
        let isInSession = link.optional?.activeSession != nil
        publishing.withLock { _ in
            let current = status.value
            let (status, error, selected) = state.withLock { state in
                (
                    state.status(isInSession: isInSession, current: current), state.error,
                    state.running?.device.deviceID ?? state.selection?.id
                )
            }
            // The status last: whoever waits for it finds the reason and the device there.
            self.error.set(error)
            self.selected.set(selected)
            self.status.set(status)
        }
    }
}
