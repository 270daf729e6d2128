import CLinux
import Glibc
import Synchronization

/// Whether a thread got the real-time priority it asked for.
public enum RealTimeGrant: Sendable, Hashable {
    /// SCHED_FIFO at this priority.
    case granted(priority: Int)
    /// Refused with this errno; the thread goes on as an ordinary one.
    case refused(errno: Int32)
    case notAsked
}

/// A thread of its own for blocking device I/O and for media: never one of the concurrency pool.
///
/// The body ends by itself (a ``Wakeup`` in its poll set tells it to); ``join()`` waits for that.
public final class DeviceThread: Sendable {
    private let completion: Completion
    private let thread: Mutex<pthread_t?>

    /// Starts a thread.
    /// - `name`: at most 15 bytes, as `top -H` shows it.
    /// - `priority`: the SCHED_FIFO priority to ask for, or nil.
    /// - `niceness`: how many steps an ordinary thread, and those that it creates, stand back for others.
    /// - `body`: runs on the thread; is told what came of the priority.
    public init(
        name: String, priority: Int? = nil, niceness: Int = 0, _ body: @escaping @Sendable (RealTimeGrant) -> Void
    ) {
        let completion = Completion()
        let start = ThreadStart(
            name: name, priority: priority, niceness: niceness, body: body, completion: completion)
        var created = pthread_t()
        let argument = unsafe Unmanaged.passRetained(start).toOpaque()
        let status = unsafe pthread_create(&created, nil, deviceThreadMain, argument)
        precondition(status == 0, "pthread_create: errno \(status); raise the limit of processes (ulimit -u)")
        // On a busy machine it would wait for its first turn.
        if let priority {
            var parameters = sched_param(sched_priority: Int32(priority))
            _ = unsafe pthread_setschedparam(created, SCHED_FIFO, &parameters)
        }
        self.completion = completion
        thread = Mutex(created)
    }

    deinit {
        if let unjoined = thread.withLock({ $0.take() }) { pthread_detach(unjoined) }
    }

    /// Waits until the body has returned and the thread is gone. Any number of callers.
    public func join() async {
        await completion.wait()
        thread.withLock { thread in
            // The body is over: this waits for the thread's last microseconds only, and so do other callers.
            if let ended = thread.take() { _ = pthread_join(ended, nil) }
        }
    }
}

/// What a new thread is handed.
private final class ThreadStart: Sendable {
    let name: String
    let priority: Int?
    let niceness: Int
    let body: @Sendable (RealTimeGrant) -> Void
    let completion: Completion

    init(
        name: String, priority: Int?, niceness: Int, body: @escaping @Sendable (RealTimeGrant) -> Void,
        completion: Completion
    ) {
        self.name = name
        self.priority = priority
        self.niceness = niceness
        self.body = body
        self.completion = completion
    }

    func run() {
        unsafe name.withCString { unsafe linux_thread_set_name($0) }
        // To stand back is never refused.
        if niceness > 0 { _ = linux_thread_set_nice(Int32(niceness)) }
        var grant = RealTimeGrant.notAsked
        if let priority {
            let status = linux_thread_set_fifo(Int32(priority))
            grant = status == 0 ? .granted(priority: priority) : .refused(errno: -status)
        }
        body(grant)
        completion.complete()
    }
}

// A top-level function: a closure written inside a main-actor context would inherit the actor and trap on this thread.
private func deviceThreadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument = unsafe argument else { return nil }
    unsafe Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue().run()
    return nil
}

/// Happens once; any number of tasks wait for it.
public final class Completion: Sendable {
    private struct State {
        var isComplete = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    public init() {}

    public var isComplete: Bool { state.withLock { $0.isComplete } }

    /// Completes; a second call does nothing.
    public func complete() {
        let waiters = state.withLock { state in
            state.isComplete = true
            return exchange(&state.waiters, with: [])
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when completed; not cut short by cancellation.
    public func wait() async {
        await withCheckedContinuation { continuation in
            let isComplete = state.withLock { state in
                if !state.isComplete { state.waiters.append(continuation) }
                return state.isComplete
            }
            if isComplete { continuation.resume() }
        }
    }
}

private func exchange<Value>(_ place: inout Value, with new: Value) -> Value {
    let old = place
    place = new
    return old
}
