import Media
import Scopes
import Synchronization

/// What happens to a device by itself in a session: it ends, stalls, comes back. Each leads to a converging as a child of
/// the session's scope, so that a leave ends it.
extension DeviceControl {
    var now: MonotonicInstant { link.optional?.configuration.now() ?? .now() }

    var fallsBack: Bool { link.optional?.configuration.routing.fallsBack ?? true }

    /// Whether something is done about a fault without being asked.
    private var recovers: Bool { driver.subject != nil && link.optional?.configuration.routing.returns == true }

    /// What the watch tells. Cheap: many signals lead to one choosing.
    func hear(_ signal: DeviceSignal, in session: CallLifecycle.Session) {
        guard recovers, let subject = driver.subject else { return }
        hearOfRoom(signal, in: session)
        let isMine =
            switch signal.subject {
            case .machine: signal.event == .woke
            case .soundServer: subject == .sound
            case .sound, .video: signal.subject == subject
            }
        guard isMine, signal.event != .removed, signal.event != .controlsChanged else { return }
        let isMissing = state.withLock { state in
            state.trials.hear(signal, now: now)
            guard state.intent == true, !state.isPaused else { return false }
            guard let running = state.running else { return true }
            return [state.selection?.id, state.lost?.name].contains { $0.map { !running.isCalled($0) } ?? false }
        }
        if isMissing { chooseAgain(in: session) }
    }

    /// Looks whether another device is better than the one that runs, and takes what there is where none does.
    func chooseAgain(in session: CallLifecycle.Session) {
        guard recovers else { return }
        let epoch = state.withLock { state -> Int? in
            guard state.intent == true, !state.isPaused, !state.isChoosing else { return nil }
            state.isChoosing = true
            return state.epoch
        }
        guard let epoch else { return }
        launchRecovery(epoch, session, Purpose(isRerouting: true, isRecovery: true))
    }

    /// Whether a device is being started, or chosen.
    var isConverging: Bool { state.withLock { $0.jobs.values.contains(where: \.isActive) } }

    private func launchRecovery(_ epoch: Int, _ session: CallLifecycle.Session, _ purpose: Purpose) {
        do {
            let job = try launchConverging(epoch, session, purpose) { _ in }
            state.withLock { state in
                // Nobody waits for it: finished ones need not be remembered.
                state.jobs = state.jobs.filter { $0.key == job.key || $0.value.isActive }
            }
        } catch {
            // The session is over.
            state.withLock { $0.isChoosing = false }
        }
    }

    // MARK: What the device tells

    /// From the device's thread. The device keeps this, and must not keep the session with it.
    func handle(_ notice: DeviceNotice, _ token: Int) {
        let purpose = state.withLock { state -> Purpose?? in
            guard let running = state.running, running.token == token else { return nil }
            switch notice {
            case .ended(let error):
                state.running = nil
                state.ended.append(running.device)
                state.error = error
                let isGone = error.code == .disconnected
                state.lost =
                    state.lost
                    ?? Lost(name: running.name, device: running.device, card: isGone ? running.device.card : nil)
                // It is not tried before the next, by neither of its names: that would only cost time.
                for name in isGone ? Set([running.name, running.device.deviceID]) : [] {
                    state.trials.vanished(name, now: now)
                }
                state.silentSince = state.silentSince ?? now
                state.recoveries.losses += 1
                state.recoveries.lastCause = isGone ? .disconnected : .failed
                // One that has not arrived is being started: who starts it sees its end.
                return .some(running.hasArrived ? Purpose(isRecovery: true) : nil)
            case .stalled(let error):
                state.running?.isStalled = true
                state.error = error
                state.silentSince = state.silentSince ?? now
                // One that has not arrived is being started: who starts it sees that it does not.
                guard running.hasArrived else { return .some(nil) }
                state.recoveries.stalls += 1
                state.recoveries.lastCause = .stalled
                state.ladder.stalled(now: now)
                return .some(Purpose(isRecovery: true, stalled: token))
            case .resumed:
                state.running?.isStalled = false
                state.silentSince = nil
                state.error = nil
                return .some(nil)
            case .recovered(let xruns, _):
                guard state.storm.add(total: xruns, now: now),
                    state.recoveries.headroom < XrunStorm.mostHeadroom
                else { return .some(nil) }
                state.recoveries.storms += 1
                state.recoveries.headroom += 1
                state.recoveries.lastCause = .xruns
                return .some(Purpose(isRecovery: true, reopened: token))
            }
        }
        guard let purpose, let call = link.optional else { return }
        publish()
        switch notice {
        case .ended(let error), .stalled(let error): call.deviceFailed(driver.name, error)
        case .resumed: call.trace("\(driver.name).resumed", "")
        case .recovered(let xruns, let gap): call.trace("\(driver.name).recovered", "xruns \(xruns), gap \(gap)")
        }
        if let purpose, recovers, let session = call.activeSession {
            launchRecovery(epoch, session, purpose)
        }
    }

    // MARK: Steps of a recovery

    /// Under the gate: a device that stalled is restarted, opened anew, or left for the next; one with too small a buffer
    /// is opened with a larger, and one that is smaller than wanted at the wanted size.
    func startAnew(
        _ epoch: Int, _ session: CallLifecycle.Session, _ purpose: Purpose
    ) async throws(DeviceError) {
        guard let id = state.withLock({ $0.running?.name }) else { return }
        var failure: DeviceError?
        while true {
            try check(epoch, session)
            let step = purpose.stalled == nil ? .reopen : state.withLock { $0.ladder.step }
            guard step != .next, failure == nil || purpose.stalled != nil else { break }
            markSilent()
            await stopRunning(step == .restart ? .warm : .release)
            count(step, purpose)
            do { return try await start(id, epoch, session) } catch {
                if error.code == .cancelled { throw error }
                failure = error
                state.withLock { $0.ladder.climb(now: now) }
            }
        }
        await stopRunning(.release)
        state.withLock { state in
            state.lost = state.lost ?? Lost(name: id)
            // It has its turn again when the others were tried.
            if purpose.stalled == nil { state.trials.failed(id, now: now) } else { state.trials.stalled(id, now: now) }
            state.ladder = StallLadder()
        }
        try await converge(epoch, session, Purpose(isRecovery: true))
    }

    private func count(_ step: StallStep, _ purpose: Purpose) {
        state.withLock { state in
            guard purpose.stalled != nil else { return }
            if step == .restart { state.recoveries.restarts += 1 } else { state.recoveries.reopens += 1 }
        }
        let what = purpose.isRegaining ? "regaining" : purpose.stalled == nil ? "enlarged" : "\(step)"
        link.optional?.trace("\(driver.name).\(what)", "")
    }

    /// How a start came out.
    enum StartOutcome {
        case delivers
        /// It delivers nothing any more, or, as a speaker may, never did.
        case stalled
    }

    /// The device has started.
    /// - Returns: nil where it has ended by now.
    func arrived(_ id: DeviceID, _ token: Int) -> StartOutcome? {
        let now = now
        return state.withLock { state in
            guard let running = state.running, running.token == token else { return nil }
            state.running?.hasArrived = true
            if state.lost?.name == id { state.lost = nil }
            guard !running.isStalled else {
                state.recoveries.stalls += 1
                state.recoveries.lastCause = .stalled
                state.ladder.stalled(now: now)
                return .stalled
            }
            let device = running.device.deviceID
            state.error = nil
            state.trials.succeeded(id)
            let last = state.recoveries.lastDevice
            if let silentSince = state.silentSince {
                state.recoveries.add(gap: now - silentSince, device: device)
                if last != nil, last != device { state.recoveries.switches += 1 }
            }
            state.recoveries.lastDevice = device
            state.silentSince = nil
            return .delivers
        }
    }

    /// A device had stalled when its start returned: nobody has done anything about it yet.
    func recoverStalled(_ token: Int, _ epoch: Int, _ session: CallLifecycle.Session) {
        if recovers { launchRecovery(epoch, session, Purpose(isRecovery: true, stalled: token)) }
    }

    func markSilent() {
        let now = now
        state.withLock { $0.silentSince = $0.silentSince ?? now }
    }

    func failedToStart(_ id: DeviceID, _ error: DeviceError) {
        guard error.code != .cancelled else { return }
        let now = now
        state.withLock { state in
            if error.code == .neverStarted || error.code == .stalled {
                state.trials.stalled(id, now: now)
            } else {
                state.trials.failed(id, now: now)
            }
            state.recoveries.failedStarts += 1
        }
    }

    /// Nothing could be started.
    func fail(
        _ error: DeviceError, _ epoch: Int, _ session: CallLifecycle.Session, _ purpose: Purpose
    ) async {
        let isNews = state.withLock { state in
            guard state.epoch == epoch, error.code != .cancelled else { return false }
            // That there is no other device says less than why the one that ran is gone.
            if purpose.isRecovery, state.error != nil, error.code == .noDevice { return false }
            defer { state.error = error }
            return !purpose.isRecovery || state.error?.code != error.code
        }
        if isNews { link.optional?.deviceFailed(driver.name, error) }
        // The track stays: the others hear silence, or are told that there is no picture.
        let (isMissing, isWanted) = state.withLock { state in
            (state.running == nil, state.epoch == epoch && state.intent == true && !state.isPaused)
        }
        if error.code != .cancelled, isMissing, !isWanted || !beginStandIn(session) {
            await driver.announce(false, in: session.media)
        }
        retryLater(epoch, session)
    }

    /// Has the devices that failed tried again when their pause is over, and the one that is smaller than wanted.
    func retryLater(_ epoch: Int, _ session: CallLifecycle.Session) {
        let now = now
        let pause = state.withLock { state -> Duration? in
            state.retry?.cancel()
            state.retry = nil
            guard state.epoch == epoch, state.intent == true else { return nil }
            let trial = state.trials.nextTry(isReplaced: state.running != nil, now: now)
            return [trial, state.room.due.map { $0 - now }].compactMap { $0 }.min()
        }
        guard recovers, let pause, let clock = link.optional?.configuration.clock else { return }
        let job = try? session.scope.launch("\(driver.name) retry") { [weak self] in
            try await clock.sleep(for: max(pause, DeviceTrials.firstPause))
            self?.retryIsDue(epoch, session)
        }
        let other = state.withLock { state -> ScopeJob? in
            defer { state.retry = job }
            if state.epoch != epoch { job?.cancel() }
            return state.retry
        }
        other?.cancel()
    }

    private func retryIsDue(_ epoch: Int, _ session: CallLifecycle.Session) {
        state.withLock { $0.retry = nil }
        guard let run = regaining else { return chooseAgain(in: session) }
        launchRecovery(epoch, session, Purpose(isRecovery: true, reopened: run, isRegaining: true))
    }

    var noneLeft: DeviceError {
        DeviceError(
            .noDevice, operation: "choose \(driver.name)", device: driver.name,
            reason: "no \(driver.name) that works is connected", advice: "Connect one: the call takes it by itself.")
    }
}
