internal import CUDev
import Glibc
import Media

/// udev's messages of sound cards and cameras. Without a running udevd (containers, small systems) the kernel's own, which
/// come before the permissions are set.
/// - Source: libudev(3); the kernel's Documentation/ABI/stable/sysfs-devices.
@safe
final class UdevSource: WatchSource {
    private let context: OpaquePointer
    private let monitor: OpaquePointer

    init?() {
        guard let context = unsafe udev_new() else { return nil }
        // What udevd says when it runs: this file is its own.
        let hasDaemon = unsafe access("/run/udev/control", F_OK) == 0
        guard let monitor = unsafe udev_monitor_new_from_netlink(context, hasDaemon ? "udev" : "kernel") else {
            unsafe udev_unref(context)
            return nil
        }
        for subsystem in ["sound", "video4linux"] {
            _ = unsafe udev_monitor_filter_add_match_subsystem_devtype(monitor, subsystem, nil)
        }
        guard unsafe udev_monitor_enable_receiving(monitor) >= 0 else {
            unsafe udev_monitor_unref(monitor)
            unsafe udev_unref(context)
            return nil
        }
        unsafe self.context = context
        unsafe self.monitor = monitor
    }

    var descriptors: [Int32] { [unsafe udev_monitor_get_fd(monitor)] }

    func read() -> [DeviceSignal] {
        var signals: [DeviceSignal] = []
        while true {
            errno = 0
            guard let device = unsafe udev_monitor_receive_device(monitor) else {
                // Messages were dropped that came faster than they were read.
                guard errno == ENOBUFS else { return signals }
                signals += DeviceSignal.missed
                continue
            }
            defer { unsafe udev_device_unref(device) }
            guard let subsystem = unsafe text(udev_device_get_subsystem(device)),
                let name = unsafe text(udev_device_get_sysname(device)),
                let action = unsafe text(udev_device_get_action(device))
            else { continue }
            let event: DeviceSignal.Event =
                switch action {
                case "add": .added
                case "remove": .removed
                default: .accessChanged
                }
            signals.append(DeviceSignal(subsystem == "sound" ? .sound : .video, event, name))
        }
    }

    func close() {
        unsafe udev_monitor_unref(monitor)
        unsafe udev_unref(context)
    }

    private func text(_ pointer: UnsafePointer<CChar>?) -> String? {
        unsafe pointer.map { unsafe String(cString: $0) }
    }
}
