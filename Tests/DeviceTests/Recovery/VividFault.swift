import Media

@testable import V4L2

/// A control of vivid that makes it fail, found ahead: setting it is one request of the kernel, whose time is known.
struct VividFault {
    private let kernel = LinuxV4L2Kernel()
    private let descriptor: Int32
    private let control: ControlDescription

    /// - `name`: as `v4l2-ctl` writes it.
    /// - Throws: where the camera has no such control.
    init(_ name: String, of path: String = "/dev/video0") throws {
        descriptor = try kernel.open(path)
        var id: UInt32 = 0
        while let next = try kernel.control(descriptor, after: id) {
            if next.name == name {
                control = next
                return
            }
            id = next.id
        }
        kernel.close(descriptor)
        throw DeviceError(.invalidArgument, operation: name, device: path, reason: "vivid has no such control")
    }

    /// - Returns: when.
    func set(_ value: Int64 = 1) throws -> MonotonicInstant {
        let at = MonotonicInstant.now()
        try kernel.setValue(descriptor, of: control, to: value)
        return at
    }

    func close() { kernel.close(descriptor) }
}
