import Reprise

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

    /// The ids of what there is of a kind, the default first.
    func ids(_ kind: DeviceKind) async throws(DeviceError) -> [DeviceID] {
        switch kind {
        case .microphone: try await devices.audio.devices(.capture).map(\.id)
        case .speaker: try await devices.audio.devices(.playback).map(\.id)
        case .camera: try await devices.cameras.devices().map(\.id)
        }
    }

    /// The id by which the machine lists what a person named.
    /// - Throws: `.noDevice`, naming the known ones.
    func resolve(_ id: DeviceID, _ kind: DeviceKind) async throws -> DeviceID {
        switch kind {
        case .microphone: return try await devices.audio.device(id, .capture).info.id
        case .speaker: return try await devices.audio.device(id, .playback).info.id
        case .camera:
            try checkNode(id.rawValue)
            return try await devices.cameras.device(id).info.id
        }
    }

    /// A path that is no camera's gets a plainer answer than a driver could give.
    private func checkNode(_ path: String) throws {
        guard !isSynthetic, path.hasPrefix("/") else { return }
        switch FileKind(path) {
        case .missing: throw CommandError("--camera \(path): there is no such file.", advice: listAdvice)
        case .device: break
        case .other(let what): throw CommandError("--camera \(path) is \(what), not a camera.", advice: listAdvice)
        }
    }

    private var listAdvice: String { "`reprise devices` lists the cameras" }
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
