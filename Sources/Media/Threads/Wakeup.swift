import CLinux

/// An eventfd: wakes a thread that polls it. Signalling is safe in real-time code.
public final class Wakeup: Sendable {
    /// The descriptor, to poll for POLLIN. Lives as long as this object.
    public let descriptor: Int32

    public init() {
        descriptor = linux_eventfd()
        precondition(descriptor >= 0, "eventfd: errno \(-descriptor); raise the limit of open files (ulimit -n)")
    }

    /// - Throws: where the process may open no more files.
    package init(for operation: String, _ device: String) throws(DeviceError) {
        descriptor = linux_eventfd()
        if descriptor < 0 { throw DescriptorRoom.error(-descriptor, operation, device) }
    }

    deinit { _ = linux_close(descriptor) }

    @_noLocks
    public func signal() { linux_eventfd_signal(descriptor) }

    /// Takes the signal back. Returns whether there was one.
    @_noLocks @discardableResult
    public func drain() -> Bool { linux_eventfd_drain(descriptor) }
}
