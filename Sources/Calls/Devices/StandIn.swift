import Media
import Scopes
import Synchronization

/// What takes the place of a sound device that is not there, so that the call goes on: silence is sent now and then, what
/// comes is played to nothing.
extension DeviceControl {
    /// Under the gate: from now until a device is started, or nothing is wanted any more.
    /// - Returns: whether one is there.
    func beginStandIn(_ session: CallLifecycle.Session) -> Bool {
        if state.withLock({ $0.standIn != nil }) { return true }
        guard let work = driver.standIn(in: session.media) else { return false }
        let job = try? session.scope.launch("\(driver.name) stand-in") { try await work() }
        state.withLock { $0.standIn = job }
        if job != nil { link.optional?.trace("\(driver.name).standIn", "") }
        return job != nil
    }

    /// Under the gate: when it returns nothing of it touches the session's rings.
    func endStandIn() async {
        let job = state.withLock { $0.standIn.take() }
        job?.cancel()
        await job?.wait()
    }
}

extension SessionMedia {
    /// How often a stream without sound is heard of: as DTX of Opus does.
    /// - Source: RFC 7587 §3.1.3 and RFC 6716 §2.1.9.
    static let silenceInterval = Duration.milliseconds(400)
    private static let nothingInterval = Duration.milliseconds(20)

    /// Sends silence until the task is cancelled.
    func sendSilence() async throws {
        while true {
            audioSender.sendSilence()
            try await configuration.clock.sleep(for: Self.silenceInterval)
        }
    }

    /// Plays what comes to nothing, until the task is cancelled: it is decoded, for those who listen in and so that a
    /// speaker that comes begins where the others are.
    func playToNothing() async throws {
        var played = configuration.now()
        while true {
            try await configuration.clock.sleep(for: Self.nothingInterval)
            let now = configuration.now()
            // After a sleep of the machine what was missed is not made up for.
            if now - played > Self.nothingInterval * 10 { played = now - Self.nothingInterval }
            while now - played >= Self.nothingInterval {
                played = played + Self.nothingInterval
                let block = playbackRing.format.sampleFrames(in: Self.nothingInterval)
                _ = audioReceiver.soundNeeded(block, by: now, isDue: true)
                playbackRing.drainAll()
            }
        }
    }
}
