import CLinux
import Glibc

/// Whether this process can open what a device takes. What wakes threads cannot do without its descriptor, so the lack of
/// one is looked for while it can still be told as an error.
package enum DescriptorRoom {
    /// A device's: its handle, its timers and wake-ups, and those of the files that opening it reads.
    package static let device = 12

    package static let advice =
        "Close what holds so many, or raise the limit (ulimit -n 4096); the device is taken when there is room"

    /// - Throws: `.failed` with EMFILE where less than ``device`` are left.
    package static func check(_ operation: String, _ device: String) throws(DeviceError) {
        let first = linux_eventfd()
        guard first >= 0 else { throw lack(-first, operation, device) }
        var opened = [first]
        defer { for descriptor in opened { _ = linux_close(descriptor) } }
        for _ in 1..<Self.device {
            // A device's start waits for this, and a copy costs a tenth of a new one.
            let copy = fcntl(first, F_DUPFD_CLOEXEC, 0)
            guard copy >= 0 else { throw lack(errno, operation, device) }
            opened.append(copy)
        }
    }

    private static func lack(_ errno: Int32, _ operation: String, _ device: String) -> DeviceError {
        DeviceError(
            .failed, operation: operation, device: device, reason: unsafe String(cString: strerror(errno)),
            errno: errno, advice: advice)
    }
}
