import Media
import Synchronization

/// The thread of a picture pipeline: it sleeps until there is something to do, and ends with the task that runs it.
///
/// It stands back for others, as do the codec's own threads, which it creates: a picture may come late, sound may not, and
/// while a picture is encoded a leave or a start of a device must not queue up behind it.
final class VideoLoop: Sendable {
    private let awake = WakeFlag()
    private let isStopped = Mutex(false)
    private let over = Completion()

    /// Runs a body on a thread until ``stop()`` or until the task is cancelled. After that no ``effect(_:)`` of the body
    /// takes place. A codec that is in the middle of a picture cannot be interrupted, and nobody waits for it: the
    /// thread ends when the picture is done.
    func run(_ name: String, _ body: @escaping @Sendable () -> Void) async {
        let over = over
        // Not joined: it ends by itself, a picture later at most.
        _ = DeviceThread(name: name, niceness: 2) { _ in
            body()
            over.complete()
        }
        await withTaskCancellationHandler {
            await over.wait()
        } onCancel: {
            stop()
        }
    }

    /// What others see of the body's work (a packet sent, a picture shown) is done here: not at all once the loop is over.
    func effect(_ body: () -> Void) {
        isStopped.withLock { if !$0 { body() } }
    }

    /// Whether the body is to return.
    var isOver: Bool { isStopped.withLock { $0 } }

    /// Any thread, but not from within an ``effect(_:)``.
    func stop() {
        isStopped.withLock { $0 = true }
        awake.raise()
        over.complete()
    }

    /// Any thread.
    func wake() { awake.raise() }

    /// Sleeps until ``wake()``, at most for a time.
    func wait(atMost timeout: Duration?) { awake.wait(atMost: timeout) }
}
