/// Microphones and speakers without hardware.
public final class SyntheticAudioDevices: AudioDevices {
    /// All of them, plugged in or not; the default is the first that is.
    public let microphones: [SyntheticMicrophone]
    public let speakers: [SyntheticSpeaker]

    public init(microphones: [SyntheticMicrophone], speakers: [SyntheticSpeaker]) {
        self.microphones = microphones
        self.speakers = speakers
    }

    /// One microphone and one speaker.
    public convenience init(timing: SyntheticTiming = .realTime, recording: Duration = .zero) {
        self.init(
            microphones: [SyntheticMicrophone(timing: timing)],
            speakers: [SyntheticSpeaker(recording: recording, timing: timing)])
    }

    /// The first microphone.
    public var microphone: SyntheticMicrophone { microphones[0] }
    /// The first speaker.
    public var speaker: SyntheticSpeaker { speakers[0] }

    public func devices(_ direction: AudioDirection) async throws(DeviceError) -> [AudioDeviceInfo] {
        var infos = present(direction).map(\.info)
        for index in infos.indices { infos[index].isDefault = index == 0 }
        return infos
    }

    public func device(_ id: DeviceID, _ direction: AudioDirection) async throws(DeviceError) -> any AudioDevice {
        let present = present(direction)
        guard let device = present.first(where: { $0.info.id == id }) else {
            throw .noSuchDevice(id, known: present.map(\.info.id))
        }
        return device
    }

    public func known(_ info: AudioDeviceInfo) -> (any AudioDevice)? {
        let all: [any AudioDevice] = info.direction == .capture ? microphones : speakers
        return all.first { $0.info.id == info.id }
    }

    private func present(_ direction: AudioDirection) -> [any AudioDevice] {
        switch direction {
        case .capture: microphones.filter(\.hardware.isPresent)
        case .playback: speakers.filter(\.hardware.isPresent)
        }
    }
}

extension DeviceError {
    static func noSuchDevice(_ id: DeviceID, known: [DeviceID]) -> DeviceError {
        DeviceError(
            .noDevice, operation: "open(\(id))", device: id.rawValue, reason: "No such device",
            advice: known.isEmpty
                ? "There is none" : "Known: \(known.map(\.rawValue).joined(separator: ", "))")
    }
}
