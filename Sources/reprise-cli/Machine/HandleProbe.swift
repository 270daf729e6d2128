import Reprise

/// Whether a device's handle can be taken.
enum HandleState: Sendable {
    case open
    /// With the words of the refusal.
    case taken(String)
}

extension ChosenDevices {
    /// Tries a second open: a fresh device object is started and stopped. With synthetic devices, which are one object
    /// each, the hardware tells.
    func handle(_ kind: DeviceKind) async -> HandleState {
        guard let id = id(kind) else { return .open }
        if let synthetic = machine.synthetic { return synthetic.isOpen(id) ? .taken("its handle is open") : .open }
        do {
            switch kind {
            case .microphone: try await tryAudio(id, .capture)
            case .speaker: try await tryAudio(id, .playback)
            case .camera:
                let device = try await machine.fresh.cameras.device(id)
                var target = VideoTarget.camera
                target.busyRetry = .zero
                _ = try await device.start(target) { _ in
                } onEvent: { _ in
                }
                await device.stop(.release)
            }
            return .open
        } catch {
            return .taken("\(error)")
        }
    }

    private func tryAudio(_ id: DeviceID, _ direction: AudioDirection) async throws {
        let device = try await machine.fresh.audio.device(id, direction)
        var options = AudioStreamOptions()
        options.busyRetry = .zero
        let ring = AudioRing(format: AudioFormat(), capacity: 4096)
        _ = try await device.start(ring, options: options) { _ in }
        await device.stop(.release)
    }
}

extension SyntheticDeviceSystem {
    fileprivate func isOpen(_ id: DeviceID) -> Bool {
        audio.microphones.contains { $0.info.id == id && $0.hardware.isOpen }
            || audio.speakers.contains { $0.info.id == id && $0.hardware.isOpen }
            || cameras.all.contains { $0.info.id == id && $0.hardware.isOpen }
    }
}
