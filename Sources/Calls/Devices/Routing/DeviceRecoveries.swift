public import Media

/// How often a device of a session was lost and taken up again.
public struct DeviceRecoveries: Sendable, Hashable {
    /// Devices that went away or failed while they ran.
    public var losses = 0
    /// Devices that ran and delivered nothing any more.
    public var stalls = 0
    /// Of those: how often the device was restarted, and how often opened anew.
    public var restarts = 0
    public var reopens = 0
    /// Changes from one device to another.
    public var switches = 0
    /// Attempts to start a device that failed.
    public var failedStarts = 0
    /// What began the last recovery.
    public var lastCause: Cause?
    /// Times that the buffer was enlarged because xruns did not end; ``headroom`` is by how many blocks it is now.
    public var storms = 0
    public var headroom = 0
    /// How long nothing was delivered the last time, from the fault to the first block of the next device: sound that is
    /// missing.
    public var lastGap: Duration?
    public var longestGap: Duration?
    /// The device that was taken up last.
    public var lastDevice: DeviceID?

    /// What a recovery answers to.
    public enum Cause: String, Sendable, Hashable {
        /// The device went away.
        case disconnected
        /// It failed in another way; the manager's error and the call's say how.
        case failed
        /// It delivered nothing any more.
        case stalled
        /// Its xruns did not end.
        case xruns
        /// A better device came, or a person chose another.
        case change
    }

    public init() {}

    mutating func add(gap: Duration, device: DeviceID) {
        lastGap = gap
        longestGap = max(longestGap ?? .zero, gap)
        lastDevice = device
    }
}
