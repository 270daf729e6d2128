import ALSA
import Reprise
import V4L2

/// The devices that a subcommand works on: the machine's, or synthetic ones.
struct Machine: Sendable {
    let devices: DeviceSystem
    /// Nil for the machine's own.
    let synthetic: SyntheticDeviceSystem?

    static var real: Machine { Machine(devices: .machine, synthetic: nil) }

    static var withoutHardware: Machine {
        let synthetic = SyntheticDeviceSystem()
        return Machine(devices: synthetic.system, synthetic: synthetic)
    }

    var isSynthetic: Bool { synthetic != nil }

    /// The same devices seen by new objects, which keep none of their handles.
    var fresh: DeviceSystem { isSynthetic ? devices : .machine }

    /// Whether there is a device of a kind that can be opened now or when its holder lets go; else why not.
    func presence(of kind: DeviceKind) async -> Presence {
        do {
            switch kind {
            case .microphone: return try await presence(.capture)
            case .speaker: return try await presence(.playback)
            case .camera: return try await devices.cameras.devices().isEmpty ? .missing(nil) : .present
            }
        } catch {
            return .missing(error)
        }
    }

    private func presence(_ direction: AudioDirection) async throws(DeviceError) -> Presence {
        var reason: DeviceError?
        for info in try await devices.audio.devices(direction) {
            guard let trouble = await trouble(with: info.id, direction) else { return .present }
            if reason == nil { reason = trouble }
        }
        return .missing(reason)
    }

    /// Why a listed device cannot be used at all, nil where it can, now or when its holder lets go.
    func trouble(with id: DeviceID, _ kind: DeviceKind) async -> DeviceError? {
        switch kind {
        case .microphone: await trouble(with: id, .capture)
        case .speaker: await trouble(with: id, .playback)
        case .camera: nil
        }
    }

    private func trouble(with id: DeviceID, _ direction: AudioDirection) async -> DeviceError? {
        guard let alsa = devices.audio as? ALSADevices else { return nil }
        // A sound server's PCM is listed whether or not the server runs.
        do {
            _ = try await alsa.occupant(of: id, direction)
            return nil
        } catch {
            return error.code == .busy ? nil : error
        }
    }

    /// The id by which the machine lists what a person named.
    /// - Throws: `.noDevice`, naming the known ones.
    func resolve(_ id: DeviceID, _ kind: DeviceKind) async throws -> DeviceID {
        switch kind {
        case .microphone: return try await devices.audio.device(id, .capture).info.id
        case .speaker: return try await devices.audio.device(id, .playback).info.id
        case .camera:
            try await checkNode(id.rawValue)
            return try await devices.cameras.device(id).info.id
        }
    }

    /// A path that is no camera's gets a plainer answer than a driver could give.
    private func checkNode(_ path: String) async throws {
        guard !isSynthetic, path.hasPrefix("/") else { return }
        switch FileKind(path) {
        case .missing: throw CommandError("--camera \(path): there is no such file.", advice: await knownCameras)
        case .device: break
        case .other(let what):
            throw CommandError("--camera \(path) is \(what), not a camera.", advice: await knownCameras)
        }
    }

    private var knownCameras: String {
        get async {
            let nodes = await V4L2Devices().survey()
            return nodes.isEmpty
                ? "There is no camera here"
                : "There are: " + nodes.map { "\($0.path) (\($0.name))" }.joined(separator: ", ")
        }
    }
}

/// Whether there is a device of a kind.
enum Presence: Sendable {
    case present
    /// With the reason, where a device is listed that cannot be used.
    case missing(DeviceError?)
}

/// What a subcommand ends with when it cannot do its work.
struct CommandError: Error, CustomStringConvertible {
    let reason: String
    let advice: String?

    init(_ reason: String, advice: String? = nil) {
        self.reason = reason
        self.advice = advice
    }

    var description: String { advice.map { "\(reason) \($0)." } ?? reason }
}
