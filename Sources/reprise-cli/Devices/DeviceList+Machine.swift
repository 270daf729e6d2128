import ALSA
import Reprise
import V4L2

extension DeviceList {
    /// Asks a machine for its devices: a sound device that is free is opened for a moment to see what it can do, a camera
    /// to see whether it is free.
    init(of machine: Machine) async throws {
        let audio = machine.devices.audio
        microphones = []
        for info in try await audio.devices(.capture) { microphones.append(await Entry(info, audio as? ALSADevices)) }
        speakers = []
        for info in try await audio.devices(.playback) { speakers.append(await Entry(info, audio as? ALSADevices)) }
        // Cameras that nobody may open do not hide the sound cards.
        let found: [VideoDeviceInfo]
        do { found = try await machine.devices.cameras.devices() } catch {
            note("Cameras: \(error)")
            found = []
        }
        let nodes = await (machine.devices.cameras as? V4L2Devices)?.survey() ?? []
        cameras = found.map { info in Entry(info, nodes.first { $0.id == info.id }) }
    }
}

extension DeviceList.Entry {
    /// - `devices`: nil for synthetic ones.
    init(_ info: AudioDeviceInfo, _ devices: ALSADevices?) async {
        self.init(
            id: info.id, name: info.name, kind: info.kind.rawValue, formats: [], isDefault: info.isDefault,
            use: DeviceUse())
        guard let devices else { return }
        do {
            if case .busy(let holders) = try await devices.occupant(of: info.id, info.direction) {
                use = DeviceUse(isBusy: true, holder: holders.first?.description)
                return
            }
            formats = try await devices.capabilities(of: info.id, info.direction).texts
        } catch {
            // Listed, and yet it cannot be opened: that is what the column is for.
            use = DeviceUse(isBusy: error.code == .busy, trouble: error.code == .busy ? nil : error.reason)
        }
    }

    /// - `node`: nil for synthetic ones.
    init(_ info: VideoDeviceInfo, _ node: V4L2Devices.NodeReport?) {
        self.init(
            id: info.id, name: info.name, kind: info.bus, node: node?.path, formats: info.modes.map(\.text),
            isDefault: info.isDefault, use: DeviceUse())
        switch node?.availability {
        case .busy(let holder): use = DeviceUse(isBusy: true, holder: holder?.description)
        case .unusable(let error): use = DeviceUse(trouble: error.reason)
        case .free, nil: break
        }
    }
}

extension AudioCapabilities {
    /// `S16_LE`, `S32_LE`, and `1-2 channels`, `44100-96000 Hz`.
    fileprivate var texts: [String] {
        var texts = sampleFormats
        texts.append(
            channels.lowerBound == channels.upperBound
                ? counted(channels.lowerBound, "channel") : "\(channels.lowerBound)-\(channels.upperBound) channels")
        if let lowest = rates.min(), let highest = rates.max() {
            texts.append(lowest == highest ? "\(lowest) Hz" : "\(lowest)-\(highest) Hz")
        }
        return texts
    }
}

extension VideoMode {
    /// `YUYV 1280x720 at 30/15`.
    var text: String {
        let rates = rates.map(\.shortText).joined(separator: "/")
        return "\(format) \(width)x\(height)" + (rates.isEmpty ? "" : " at \(rates)")
    }
}

extension Double {
    /// Without decimals where it has none.
    var shortText: String { self == rounded() ? fixed(0) : fixed(2) }
}
