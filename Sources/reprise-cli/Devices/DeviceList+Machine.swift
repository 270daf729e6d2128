import Reprise

extension DeviceList {
    /// Asks a machine for its devices. Opens none for streaming.
    init(of machine: Machine) async throws {
        microphones = try await machine.devices.audio.devices(.capture).map { Entry($0) }
        speakers = try await machine.devices.audio.devices(.playback).map { Entry($0) }
        cameras = try await machine.devices.cameras.devices().map { Entry($0) }
    }
}

extension DeviceList.Entry {
    init(_ info: AudioDeviceInfo) {
        self.init(
            id: info.id, name: info.name, kind: info.kind.rawValue, formats: [], isDefault: info.isDefault,
            use: DeviceUse())
    }

    init(_ info: VideoDeviceInfo) {
        self.init(
            id: info.id, name: info.name, kind: info.bus, formats: info.modes.map(\.text), isDefault: info.isDefault,
            use: DeviceUse())
    }
}

extension VideoMode {
    /// `YUYV 1280x720 at 30, 15`.
    var text: String {
        let rates = rates.map(\.shortText).joined(separator: "/")
        return "\(format) \(width)x\(height)" + (rates.isEmpty ? "" : " at \(rates)")
    }
}

extension Double {
    /// Without decimals where it has none.
    var shortText: String { self == rounded() ? fixed(0) : fixed(2) }
}
