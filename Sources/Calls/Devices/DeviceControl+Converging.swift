import Media
import Scopes
import Synchronization

/// How a device is brought to what is wanted of it: started, stopped, muted or changed. All under the gate.
extension DeviceControl {
    /// Under the gate: makes the device do what is wanted.
    func converge(
        _ epoch: Int, _ session: CallLifecycle.Session, mustTakeSelection: Bool, isRerouting: Bool
    ) async throws(DeviceError) {
        try check(epoch, session)
        let snapshot = state.withLock { $0 }
        guard snapshot.intent == true, !snapshot.isPaused else {
            try await turnOff(session.media)
            return publish()
        }
        if let running = snapshot.running, !isRerouting, snapshot.selection.map(running.isCalled) ?? true {
            if running.isMuted {
                _ = await driver.setMuted(false, in: session.media)
                setMutedFlag(false)
                await driver.announce(true, in: session.media)
            }
            return publish()
        }
        do {
            try await turnOn(epoch, session, mustTakeSelection: mustTakeSelection)
        } catch {
            state.withLock { if $0.epoch == epoch { $0.error = error } }
            publish()
            if error.code != .cancelled { link.optional?.deviceFailed(driver.name, error) }
            throw error
        }
        publish()
    }

    private func turnOn(
        _ epoch: Int, _ session: CallLifecycle.Session, mustTakeSelection: Bool
    ) async throws(DeviceError) {
        var candidates: [DeviceID] = []
        let selection = state.withLock { $0.selection }
        if let selection { candidates.append(selection) }
        if selection == nil || !mustTakeSelection {
            do {
                for id in try await driver.candidates() where id != selection { candidates.append(id) }
            } catch {
                if candidates.isEmpty { throw error }
            }
        }
        if let best = candidates.first, state.withLock({ $0.running?.isCalled(best) }) == true { return }
        await stopRunning(.release)
        var first: DeviceError?
        for id in candidates {
            try check(epoch, session)
            do {
                return try await start(id, epoch, session)
            } catch {
                if error.code == .cancelled { throw error }
                if first == nil { first = error }
            }
        }
        throw first ?? refused("no device")
    }

    private func start(_ id: DeviceID, _ epoch: Int, _ session: CallLifecycle.Session) async throws(DeviceError) {
        let device = try await takeDevice(id)
        let token = state.withLock { state in
            state.nextJob += 1
            return state.nextJob
        }
        state.withLock { $0.running = Running(device: device, name: id, token: token) }
        do {
            try await driver.start(device, for: session.media) { [weak self] notice in self?.handle(notice, token) }
            try check(epoch, session)
        } catch {
            await device.stop(.release)
            state.withLock { if $0.running?.token == token { $0.running = nil } }
            throw error
        }
        // It may have ended between its first block and here: then the notice has told, and nothing runs.
        let isRunning = state.withLock { state in
            guard state.running?.token == token else { return false }
            state.running?.hasArrived = true
            state.error = nil
            return true
        }
        guard isRunning else { throw state.withLock { $0.error } ?? refused("the device ended") }
        _ = await driver.setMuted(false, in: session.media)
        await driver.announce(true, in: session.media)
        link.optional?.trace("\(driver.name).started", id.rawValue)
    }

    private func turnOff(_ session: SessionMedia) async throws(DeviceError) {
        guard let running = state.withLock({ $0.running }), !running.isMuted else { return }
        await driver.announce(false, in: session)
        if await driver.setMuted(true, in: session) {
            setMutedFlag(true)
        } else {
            await stopRunning(.release)
        }
        link.optional?.trace("\(driver.name).stopped", running.device.deviceID.rawValue)
    }

    /// The device of last time where it is this one, else a fresh one.
    private func takeDevice(_ id: DeviceID) async throws(DeviceError) -> any RunnableDevice {
        if let parked = state.withLock({ $0.parked }) {
            if parked.isCalled(id) {
                state.withLock { $0.parked = nil }
                return parked.device
            }
            await closeParked()
        }
        return try await driver.device(id)
    }

    func stopRunning(_ standby: StandbyPolicy) async {
        guard let running = state.withLock({ $0.running }) else { return }
        await running.device.stop(standby)
        state.withLock { state in
            if state.running?.token == running.token {
                state.running = nil
                state.parked = Parked(device: running.device, name: running.name)
            }
        }
    }

    func closeParked() async {
        let parked = state.withLock { state in
            defer { state.parked = nil }
            return state.parked
        }
        await parked?.device.stop(.release)
    }
}
