import Reprise

extension Call {
    func manager(_ kind: DeviceKind) -> any DeviceManager {
        switch kind {
        case .microphone: microphone
        case .speaker: speaker
        case .camera: camera
        }
    }

    /// Whether a device has started or failed to.
    func isSettled(_ kind: DeviceKind) -> Bool { manager(kind).status != .notSelected }
}
