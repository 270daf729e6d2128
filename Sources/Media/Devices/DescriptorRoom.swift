import CLinux
import Glibc

/// Whether this process can open what a device takes. Where it cannot, libraries say that a device, a plug-in or a program
/// is not there.
package enum DescriptorRoom {
    /// A device's: its handle, its timers and wake-ups, and those of the files that opening it reads.
    package static let device = 12
    /// A session's: its rings, its sockets, and what watches the machine.
    package static let session = 24

    package static let advice =
        "Close what holds so many, or raise the limit (ulimit -n 4096); the device is taken when there is room"

    /// - Returns: the error of an open that failed; `.failed` with EMFILE where there was no room for it.
    package static func cause(of error: DeviceError) -> DeviceError {
        do throws(DeviceError) { try check(error.operation, error.device) } catch let lack { return lack }
        return error
    }

    package static var isThere: Bool { (try? check("open", "files")) != nil }

    /// - Throws: `.failed` with EMFILE where less than `count` are left.
    package static func check(
        _ operation: String, _ device: String, _ count: Int = Self.device
    ) throws(DeviceError) {
        let first = linux_eventfd()
        guard first >= 0 else { throw error(-first, operation, device) }
        var opened = [first]
        defer { for descriptor in opened { _ = linux_close(descriptor) } }
        for _ in 1..<count {
            // A join waits for this, and a copy costs a tenth of a new one.
            let copy = fcntl(first, F_DUPFD_CLOEXEC, 0)
            guard copy >= 0 else { throw error(errno, operation, device) }
            opened.append(copy)
        }
    }

    static func error(_ errno: Int32, _ operation: String, _ device: String) -> DeviceError {
        DeviceError(
            .failed, operation: operation, device: device, reason: unsafe String(cString: strerror(errno)),
            errno: errno, advice: advice)
    }
}
