import CLinux
import Media

/// Tells that the machine slept, and that its time of day was set: the kernel cancels a timer for both.
///
/// Nothing in a call runs on the time of day; a machine that slept has devices that must be looked at again.
final class ClockSource: WatchSource {
    private let descriptor: Int32
    private var slept = linux_slept_ns()
    /// A sleep shorter than this is none: the two clocks are read one after the other.
    static let leastSleep: Int64 = 100_000_000

    init?() {
        descriptor = linux_clock_change()
        if descriptor < 0 { return nil }
    }

    var descriptors: [Int32] { [descriptor] }

    func read() -> [DeviceSignal] {
        guard linux_clock_change_drain(descriptor) else { return [] }
        let now = linux_slept_ns()
        defer { slept = now }
        return [Self.signal(slept: now - slept)]
    }

    /// - `slept`: nanoseconds since the clock was looked at last.
    static func signal(slept: Int64) -> DeviceSignal {
        slept >= leastSleep
            ? DeviceSignal(.machine, .woke, "after \(slept / 1_000_000) ms")
            : DeviceSignal(.machine, .clockSet, "clock")
    }

    func close() { _ = linux_close(descriptor) }
}
