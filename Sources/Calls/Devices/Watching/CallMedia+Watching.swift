import Media
import Scopes

extension CallMedia {
    /// Looks at the machine's devices now; ``devices`` then shows them. While joined the call does so by itself.
    public func refreshDevices() async { await refreshDevices([.sound, .video]) }

    private func refreshDevices(_ subjects: Set<DeviceSignal.Subject>) async {
        let system = call.devices
        let look = looks.begin()
        var sound: (microphones: [AudioDeviceInfo], speakers: [AudioDeviceInfo])?
        var cameras: [VideoDeviceInfo]?
        // One kind that cannot be listed (no permission) does not hide the others.
        if !subjects.isDisjoint(with: [.sound, .soundServer, .machine]) { sound = await system.audio.allDevices() }
        if !subjects.isDisjoint(with: [.video, .machine]) { cameras = (try? await system.cameras.devices()) ?? [] }
        let changes = looks.end(look, sound: sound, cameras: cameras)
        for item in changes.added { call.trace("device added", "\(item.kind) \(item.id)") }
        for item in changes.removed { call.trace("device removed", "\(item.kind) \(item.id)") }
        for item in changes.changed { call.trace("device changed", "\(item.kind) \(item.id)") }
    }

    /// Follows what happens to the machine's devices for as long as the session lasts.
    func watch(_ session: CallLifecycle.Session) throws(ScopeError) {
        // The stream begins before the first look: what happens in between is seen by one of them.
        let signals = call.devices.watch.signals()
        let batches = DeviceBatches(now: call.configuration.now)
        try session.scope.launch("device watch") { [weak self] in
            for await signal in signals {
                guard let self, session.scope.isCurrent else { return }
                for manager in self.managers { manager.control.hear(signal, in: session) }
                self.speaker.hear(signal, in: session)
                if signal.changesDevices, batches.add(signal) { try self.gather(batches, session) }
            }
        }
        let clock = call.configuration.clock
        try session.scope.launch("device list") { [weak self] in
            // After the devices have started: looking at all of them takes time that a join has not.
            try await clock.sleep(for: .milliseconds(500))
            guard let self else { return }
            try await self.look([.sound, .video])
            try Task.checkCancellation()
            // What was taken before anybody had looked may not be the best, or what was chosen is in another socket.
            for manager in self.managers { manager.control.chooseAgain(in: session) }
        }
    }

    /// Waits until it is quiet, then looks at the devices and lets each manager choose again.
    private func gather(_ batches: DeviceBatches, _ session: CallLifecycle.Session) throws(ScopeError) {
        let clock = call.configuration.clock
        try session.scope.launch("device changes") { [weak self] in
            while true {
                switch batches.standing {
                case .wait(let pause): try await clock.sleep(for: pause)
                case .complete(let batch):
                    guard let self else { return }
                    try await self.look(Set(batch.map(\.subject)))
                    try Task.checkCancellation()
                    for manager in self.managers { manager.control.chooseAgain(in: session) }
                    return
                }
            }
        }
    }

    /// Looks at the devices without having a leave wait: a driver may take long to answer.
    private func look(_ subjects: Set<DeviceSignal.Subject>) async throws {
        // It would take the processor from a device that is just being started, and that is missing sound or pictures. Not
        // for long: a driver may hang.
        for _ in 1...5 where managers.contains(where: \.control.isConverging) {
            try await call.configuration.clock.sleep(for: .milliseconds(10))
        }
        let hasLooked = Completion()
        // It may outlast the session, which keeps the call: this keeps it for so long.
        Task { [call] in
            await call.media.refreshDevices(subjects)
            hasLooked.complete()
        }
        _ = await hasLooked.wait(atMost: .seconds(60), clock: call.configuration.clock)
    }

    private var managers: [any DeviceManager] { [microphone, speaker, camera, screenShare] }
}
