import Media
import Scopes
import Synchronization

/// How a device is brought to what is wanted of it: started, stopped, muted or changed. All under the gate.
extension DeviceControl {
    /// Under the gate: makes the device do what is wanted.
    func converge(_ epoch: Int, _ session: CallLifecycle.Session, _ purpose: Purpose)
        async throws(DeviceError)
    {
        if purpose.isRecovery {
            state.withLock { $0.isChoosing = false }
            followChoice()
        }
        try check(epoch, session)
        await closeEnded()
        let snapshot = state.withLock { $0 }
        guard snapshot.intent == true, !snapshot.isPaused else {
            try await turnOff(session.media)
            return publish()
        }
        if let running = snapshot.running, isRight(running, snapshot, purpose) {
            if running.isMuted {
                _ = await driver.setMuted(false, in: session.media)
                setMutedFlag(false)
                await driver.announce(true, in: session.media)
            }
            return publish()
        }
        do {
            if purpose.stalled != nil || purpose.reopened != nil {
                try await startAnew(epoch, session, purpose)
            } else {
                try await turnOn(epoch, session, purpose)
            }
        } catch {
            await fail(error, epoch, session, purpose)
            publish()
            throw error
        }
        retryLater(epoch, session)
        publish()
    }

    /// Whether the device that runs is to run on.
    private func isRight(_ running: Running, _ state: State, _ purpose: Purpose) -> Bool {
        if let stalled = purpose.stalled { return running.token != stalled || !running.isStalled }
        if let reopened = purpose.reopened { return running.token != reopened }
        return !purpose.isRerouting && (state.selection.map { running.isCalled($0.id) } ?? true)
    }

    private func turnOn(
        _ epoch: Int, _ session: CallLifecycle.Session, _ purpose: Purpose
    ) async throws(DeviceError) {
        var search = Search(purpose: purpose)
        // What is wanted by name is tried without looking at all the others.
        let (selection, lost) = state.withLock { ($0.selection?.id, purpose.isRecovery ? $0.lost : nil) }
        let wanted = [selection, lost?.name, selection == nil ? driver.preferred : nil].compactMap { $0 }
        if try await take(wanted, &search, epoch, session) { return }
        if wanted.isEmpty || (fallsBack && !purpose.mustTakeSelection) {
            if purpose.isRecovery, try await take(driver.knownOthers(without: lost?.card), &search, epoch, session) {
                return
            }
            do throws(DeviceError) {
                if try await take(try await others(), &search, epoch, session) { return }
            } catch {
                if error.code == .cancelled || search.failure == nil { throw error }
            }
        }
        throw search.failure ?? state.withLock { $0.error } ?? noneLeft
    }

    /// What one search for a device has come to.
    private struct Search {
        let purpose: Purpose
        var tried: [DeviceID] = []
        /// The failure of the device that was wanted most.
        var failure: DeviceError?
    }

    /// Starts the first that can be; the one that runs already counts.
    /// - Returns: whether one of them runs.
    private func take(
        _ candidates: [DeviceID], _ search: inout Search, _ epoch: Int, _ session: CallLifecycle.Session
    ) async throws(DeviceError) -> Bool {
        for id in candidates where !search.tried.contains(id) {
            try check(epoch, session)
            let tried = search.tried
            let (isRunning, isHeldBack) = state.withLock { state in
                let isRunning = state.running?.isCalled(id) == true
                // Only a better device is worth another attempt.
                if isRunning { state.trials.keep(only: tried) }
                return (
                    isRunning,
                    search.purpose.isRecovery && state.trials.isHeldBack(id, isReplaced: state.running != nil, now: now)
                )
            }
            if isRunning { return true }
            search.tried.append(id)
            if isHeldBack { continue }
            do {
                try await start(id, epoch, session, isRecovery: search.purpose.isRecovery)
                state.withLock { state in
                    // One that stalls at once has not done with failing.
                    state.trials.keep(only: state.running?.isStalled == true ? tried + [id] : tried)
                }
                return true
            } catch {
                if error.code == .cancelled { throw error }
                search.failure = search.failure ?? error
            }
        }
        return false
    }

    /// Starts a device; one that runs is stopped only when the new one is open.
    func start(
        _ id: DeviceID, _ epoch: Int, _ session: CallLifecycle.Session, isRecovery: Bool = false
    ) async throws(DeviceError) {
        let (before, headroom) = state.withLock { ($0.running, $0.recoveries.headroom) }
        let device: any RunnableDevice
        do {
            device = try await takeDevice(id, isRecovery: isRecovery)
            // What goes on meanwhile ends when the device is open, and not for one that cannot be.
            if before != nil || state.withLock({ $0.standIn != nil }) {
                try await prepare(device, session, headroom, isRecovery: isRecovery)
            }
        } catch {
            failedToStart(id, error)
            throw error
        }
        if before != nil {
            state.withLock { $0.recoveries.lastCause = .change }
            markSilent()
            await stopRunning(.release)
        }
        let token = state.withLock { state in
            state.nextJob += 1
            return state.nextJob
        }
        state.withLock { state in
            state.running = Running(device: device, name: id, token: token)
            state.storm.restarted()
        }
        await endStandIn()
        do {
            try await driver.start(device, for: session.media, headroom: headroom) { [weak self] notice in
                self?.handle(notice, token)
            }
            try check(epoch, session)
        } catch {
            await device.stop(.release)
            state.withLock { if $0.running?.token == token { $0.running = nil } }
            failedToStart(id, error)
            throw error
        }
        // It may have ended between its first block and here: then the notice has told, and nothing runs.
        guard let arrival = arrived(id, token) else {
            throw state.withLock { $0.error } ?? refused("the device ended")
        }
        if arrival == .stalled { recoverStalled(token, epoch, session) }
        lookForRoom(session)
        _ = await driver.setMuted(false, in: session.media)
        await driver.announce(true, in: session.media)
        link.optional?.trace("\(driver.name).started", id.rawValue)
    }

    /// Opens the next device while the one before runs. Two names may be one device: what a person chose is then opened
    /// when the one before is closed.
    private func prepare(
        _ device: any RunnableDevice, _ session: CallLifecycle.Session, _ headroom: Int, isRecovery: Bool
    ) async throws(DeviceError) {
        do { try await driver.prepare(device, for: session.media, headroom: headroom) } catch {
            if isRecovery || error.code != .busy { throw error }
        }
    }

    func turnOff(_ session: SessionMedia) async throws(DeviceError) {
        await endStandIn()
        guard let running = state.withLock({ $0.running }) else {
            // It went, and was switched off before anything was done about that: the others think that it is on.
            if driver.isAnnounced(in: session) { await driver.announce(false, in: session) }
            return
        }
        guard !running.isMuted else { return }
        await driver.announce(false, in: session)
        if await driver.setMuted(true, in: session) {
            setMutedFlag(true)
        } else {
            await stopRunning(.release)
        }
        link.optional?.trace("\(driver.name).stopped", running.device.deviceID.rawValue)
    }

    /// The device of last time where it is this one, else a fresh one.
    /// - `isRecovery`: nobody looks whether it is there: opening it tells, and every millisecond is missing sound.
    private func takeDevice(_ id: DeviceID, isRecovery: Bool) async throws(DeviceError) -> any RunnableDevice {
        if let parked = state.withLock({ $0.parked }) {
            if parked.isCalled(id) {
                state.withLock { $0.parked = nil }
                return parked.device
            }
            await closeParked()
        }
        if let lost = state.withLock({ $0.lost }), lost.name == id, let device = lost.device { return device }
        if isRecovery, let device = driver.known(id) { return device }
        return try await lookUp(id.rawValue) { [driver] () throws(DeviceError) in try await driver.device(id) }
    }

    private func others() async throws(DeviceError) -> [DeviceID] {
        try await lookUp(driver.name) { [driver] () throws(DeviceError) in try await driver.others() }
    }

    /// Asks the machine without having a leave wait for its answer: a busy one takes long to look at its devices.
    func lookUp<Value: Sendable>(
        _ device: String, _ ask: @escaping @Sendable () async throws(DeviceError) -> Value
    ) async throws(DeviceError) -> Value {
        try await answer(device, ask).value()
    }

    /// Asks the machine in a task of its own.
    func answer<Value: Sendable>(
        _ device: String, _ ask: @escaping @Sendable () async throws(DeviceError) -> Value
    ) -> Answer<Value> {
        let answer = Answer<Value>(device: device)
        // It may outlast the session, which keeps the call: this keeps it for so long.
        Task { [call = link.call] in
            do throws(DeviceError) { answer.resolve(.success(try await ask())) } catch { answer.failed(error) }
            withExtendedLifetime(call) {}
        }
        return answer
    }

    func stopRunning(_ standby: StandbyPolicy) async {
        await closeEnded()
        guard let running = state.withLock({ $0.running }) else { return }
        await running.device.stop(standby)
        state.withLock { state in
            if state.running?.token == running.token {
                state.running = nil
                state.parked = Parked(device: running.device, name: running.name)
            }
        }
    }

    /// Ends the threads of what ended by itself.
    private func closeEnded() async {
        let ended = state.withLock { state in
            defer { state.ended = [] }
            return state.ended
        }
        for device in ended { await device.stop(.release) }
    }

    func closeParked() async {
        let parked = state.withLock { state in
            defer { state.parked = nil }
            return state.parked
        }
        await parked?.device.stop(.release)
    }
}
