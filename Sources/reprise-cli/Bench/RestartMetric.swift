import Reprise

/// What is measured of a restart.
enum RestartMetric: String, Sendable, CaseIterable {
    case firstBlock, firstPacket, firstFrame, firstSound, join, leave

    /// Whose device it is about; nil for the whole call.
    var kind: DeviceKind? {
        switch self {
        case .firstBlock, .firstPacket: .microphone
        case .firstFrame: .camera
        case .firstSound: .speaker
        case .join, .leave: nil
        }
    }

    /// For people.
    var title: String {
        switch self {
        case .firstBlock: "first captured block"
        case .firstPacket: "first encoded packet"
        case .firstFrame: "first picture"
        case .firstSound: "own sound heard back"
        case .join: "join() returns"
        case .leave: "leave() returns"
        }
    }

    /// Whether the devices that run can give it.
    func isMeasured(_ kinds: [DeviceKind]) -> Bool {
        // What is heard back is what the microphone sent.
        self == .firstSound ? kinds.contains(.speaker) && kinds.contains(.microphone) : kind.map(kinds.contains) ?? true
    }

    /// From one session.
    func value(_ statistics: CallStatistics) -> Duration? {
        switch self {
        case .firstBlock: statistics.microphone?.first
        case .firstPacket: statistics.sent[.audio]?.first
        case .firstFrame: statistics.camera?.first
        case .firstSound: statistics.speaker?.first
        case .join, .leave: nil
        }
    }
}
