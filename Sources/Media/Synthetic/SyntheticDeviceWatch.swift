/// Tells of synthetic devices that are plugged and unplugged.
public final class SyntheticDeviceWatch: DeviceWatch {
    private let hub = SignalHub()

    public init() {}

    public func signals() -> AsyncStream<DeviceSignal> { hub.signals() }
    public var listeners: Int { hub.listeners }

    /// Tells a signal as a kernel would; for what no device of this machine does by itself (a jack, a wake-up).
    public func tell(_ signal: DeviceSignal) { hub.tell([signal]) }

    /// Tells of a device from now on.
    func follow(_ hardware: SyntheticHardware, _ subject: DeviceSignal.Subject) {
        hardware.onPresence { [hub] isPresent in
            hub.tell([DeviceSignal(subject, isPresent ? .added : .removed, hardware.id.rawValue)])
        }
    }
}
