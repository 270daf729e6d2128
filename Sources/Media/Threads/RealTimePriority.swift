import CLinux
import Synchronization

/// The real-time priority of one device thread: the kernel is asked first, and rtkit where it refuses.
///
/// rtkit is a service on the system bus, so it is asked on a thread of its own and answers while the device runs already.
/// What it refuses once it is not asked again in this process.
/// - Source: sched(7); org.freedesktop.RealtimeKit1.
package final class RealTimePriority: Sendable {
    /// The priority where it is positive, -errno where it is negative, 0 where nobody asked.
    private let value = Atomic<Int>(0)

    package init() {}

    /// What came of it so far. Any thread.
    package var grant: RealTimeGrant {
        switch value.load(ordering: .relaxed) {
        case 0: .notAsked
        case let priority where priority > 0: .granted(priority: priority)
        case let error: .refused(errno: Int32(truncatingIfNeeded: -error))
        }
    }

    package var isGranted: Bool { value.load(ordering: .relaxed) > 0 }

    /// Asks for the calling thread; returns at once.
    package func ask(_ priority: Int) {
        guard !isGranted else { return }
        let status = linux_thread_set_fifo(Int32(priority))
        value.store(status == 0 ? priority : Int(status), ordering: .relaxed)
        if status != 0 { RealTimeKit.shared.ask(for: linux_thread_id(), priority) { self.granted($0) } }
    }

    /// Makes the calling thread an ordinary one.
    package func giveUp() {
        if linux_thread_is_realtime() { _ = linux_thread_set_ordinary() }
        value.store(0, ordering: .relaxed)
    }

    private func granted(_ priority: Int) { value.store(priority, ordering: .relaxed) }
}

/// The service that gives real-time priority to programs of ordinary users.
package final class RealTimeKit: Sendable {
    package static let shared = RealTimeKit()

    private let refused = Mutex<String?>(nil)

    package init() {}

    /// Why it gives none; nil where it was not asked, or gave.
    package var refusal: String? { refused.withLock { $0 } }

    /// Asks on a thread of its own, unless it has refused before.
    /// - `thread`: the kernel's id of a thread of this process.
    /// - `granted`: called on that thread with the priority, and not at all where it is refused.
    func ask(for thread: Int32, _ priority: Int, granted: @escaping @Sendable (Int) -> Void) {
        guard refusal == nil else { return }
        _ = DeviceThread(name: "rtkit") { _ in
            do throws(DeviceError) { granted(try self.request(for: thread, priority)) } catch {
                self.refused.withLock { $0 = $0 ?? error.reason }
            }
        }
    }

    /// Asks for the calling thread, and waits for the answer.
    package func request(_ priority: Int) throws(DeviceError) -> Int {
        try request(for: linux_thread_id(), priority)
    }

    /// Asks, and waits for the answer.
    /// - Returns: the priority that the thread has now.
    /// - Throws: `.permissionDenied` with rtkit's reason.
    package func request(for thread: Int32, _ priority: Int) throws(DeviceError) -> Int {
        var reason = [CChar](repeating: 0, count: 256)
        let status = unsafe reason.withUnsafeMutableBufferPointer { buffer in
            unsafe linux_rtkit(thread, Int32(priority), buffer.baseAddress, buffer.count)
        }
        guard status < 0 else { return Int(status) }
        throw DeviceError(
            .permissionDenied, operation: "MakeThreadRealtimeWithPID", device: "rtkit",
            reason: String(cString: reason), errno: -status,
            advice: "Install rtkit, or allow rtprio in /etc/security/limits.d")
    }
}
