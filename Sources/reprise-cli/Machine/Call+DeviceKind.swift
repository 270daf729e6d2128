import Reprise

extension Call {
    func manager(_ kind: DeviceKind) -> any DeviceManager {
        switch kind {
        case .microphone: microphone
        case .speaker: speaker
        case .camera: camera
        }
    }
}
