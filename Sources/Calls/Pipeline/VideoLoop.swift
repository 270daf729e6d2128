import Glibc
import Media
import Synchronization

/// The thread of a picture pipeline: it sleeps until there is something to do, and ends with the task that runs it.
///
/// Without a real-time priority: a picture may come late, sound may not.
final class VideoLoop: Sendable {
    private let wakeup = Wakeup()
    private let isStopped = Atomic(false)

    /// Runs a body on a thread until ``stop()`` or until the task is cancelled; returns when that thread is gone.
    func run(_ name: String, _ body: @escaping @Sendable () -> Void) async {
        await withTaskCancellationHandler {
            await DeviceThread(name: name) { _ in body() }.join()
        } onCancel: {
            stop()
        }
    }

    /// Whether the body is to return.
    var isOver: Bool { isStopped.load(ordering: .acquiring) }

    /// Any thread.
    func stop() {
        isStopped.store(true, ordering: .releasing)
        wakeup.signal()
    }

    /// Any thread.
    func wake() { wakeup.signal() }

    /// Sleeps until ``wake()``, at most for a time.
    func wait(atMost timeout: Duration?) {
        var descriptor = pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0)
        // poll counts milliseconds: rounded up, or a rest of less than one would spin.
        let milliseconds = timeout.map { Int32(clamping: max(0, ($0.nanoseconds + 999_999) / 1_000_000)) } ?? -1
        _ = unsafe poll(&descriptor, 1, milliseconds)
        wakeup.drain()
    }
}
