import Glibc
import Media
import Synchronization

/// The thread of a sound pipeline: it sleeps until a ring or somebody else has something for it, and ends with the
/// task that runs it.
final class AudioLoop: Sendable {
    /// Wakes the thread.
    private let wakeup = Wakeup()
    private let isStopped = Atomic(false)

    /// Below the device threads' priority: a period comes before the packet made of it.
    private static let priority = 15

    /// Runs a body on a thread until the task is cancelled; returns when that thread is gone.
    func run(_ name: String, _ body: @escaping @Sendable () -> Void) async {
        await withTaskCancellationHandler {
            await DeviceThread(name: name, priority: Self.priority) { _ in body() }.join()
        } onCancel: {
            isStopped.store(true, ordering: .releasing)
            wakeup.signal()
        }
    }

    /// Whether the body is to return.
    var isOver: Bool { isStopped.load(ordering: .acquiring) }

    /// Any thread.
    func wake() { wakeup.signal() }

    /// What ended a wait.
    struct Wake {
        /// The ring's eventfd was signalled.
        var ring = false
        /// Time was up.
        var timedOut = false
    }

    /// Sleeps until a ring's eventfd or ``wake()``, at most for a time.
    func wait(_ ring: Wakeup, atMost timeout: Duration?) -> Wake {
        var descriptors = (
            pollfd(fd: ring.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0)
        )
        // poll counts milliseconds: rounded up, or a rest of less than one would spin.
        let milliseconds = timeout.map { Int32(clamping: max(0, ($0.nanoseconds + 999_999) / 1_000_000)) } ?? -1
        let ready = unsafe withUnsafeMutablePointer(to: &descriptors) { pair in
            unsafe pair.withMemoryRebound(to: pollfd.self, capacity: 2) { unsafe poll($0, 2, milliseconds) }
        }
        // EINTR counts as nothing: the caller looks and waits again.
        guard ready > 0 else { return Wake(timedOut: ready == 0) }
        if descriptors.1.revents != 0 { wakeup.drain() }
        return Wake(ring: descriptors.0.revents != 0 && ring.drain())
    }
}
