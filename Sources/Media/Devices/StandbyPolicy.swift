/// What a left call keeps of a device.
public enum StandbyPolicy: String, Sendable, Hashable, CaseIterable {
    /// Everything is closed: the camera's light goes off and other programs can use the device.
    case release
    /// Configured but stopped: the fastest rejoin; the device stays taken.
    case warm
}
