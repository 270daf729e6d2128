import CLinux
import Glibc
import Synchronization

/// Makes the periods of one stream happen, from its start to its stop.
final class SyntheticDriver: Sendable {
    private enum Kind: Sendable {
        case thread(DeviceThread, ThreadControl)
        case manual(SyntheticClock, remove: @Sendable () -> Void)
    }

    private let kind: Kind
    /// What came of the priority asked for.
    let grant: RealTimeGrant

    /// - `priority`: the SCHED_FIFO priority to ask for, or nil.
    init(
        _ stream: any SyntheticStream, firstDue: MonotonicInstant, timing: SyntheticTiming, name: String, priority: Int?
    ) async {
        switch timing {
        case .manual(let clock):
            kind = .manual(clock, remove: clock.add(stream, firstDue: firstDue))
            grant = .notAsked
        case .realTime:
            let control = ThreadControl()
            let thread = DeviceThread(name: name, priority: priority) { grant in
                control.grant.withLock { $0 = grant }
                control.started.complete()
                runPeriods(stream, firstDue: firstDue, control: control)
            }
            await control.started.wait()
            kind = .thread(thread, control)
            grant = control.grant.withLock { $0 }
        }
    }

    /// Lets the stream look at what interrupts it, now.
    func interrupt() {
        switch kind {
        case .thread(_, let control): control.wakeup.signal()
        case .manual(let clock, _): clock.advance(by: .zero)
        }
    }

    /// Ends the periods; on return none runs.
    func stop() async {
        switch kind {
        case .thread(let thread, let control):
            control.mustStop.store(true, ordering: .releasing)
            control.wakeup.signal()
            await thread.join()
        case .manual(_, let remove): remove()
        }
    }
}

/// What a driver and its thread tell each other.
private final class ThreadControl: Sendable {
    let wakeup = Wakeup()
    let mustStop = Atomic<Bool>(false)
    let started = Completion()
    let grant = Mutex(RealTimeGrant.notAsked)
}

/// The thread of a running device: sleeps in poll until a period is due or somebody wakes it.
private func runPeriods(_ stream: any SyntheticStream, firstDue: MonotonicInstant, control: ThreadControl) {
    let timer = linux_timerfd()
    precondition(timer >= 0, "timerfd_create: errno \(-timer); raise the limit of open files (ulimit -n)")
    defer { _ = linux_close(timer) }
    var due = firstDue
    while !control.mustStop.load(ordering: .acquiring) {
        let now = MonotonicInstant.now()
        guard stream.isInterrupted || due <= now else {
            _ = linux_timerfd_set(timer, due.nanoseconds, 0)
            waitForInput(timer, control.wakeup.descriptor)
            _ = linux_timerfd_drain(timer)
            control.wakeup.drain()
            continue
        }
        guard let next = stream.period(due: due, now: now) else { return }
        due = next
    }
}

/// Returns when one of the descriptors can be read, or early.
private func waitForInput(_ first: Int32, _ second: Int32) {
    let input = Int16(POLLIN)
    unsafe withUnsafeTemporaryAllocation(of: pollfd.self, capacity: 2) { set in
        unsafe set.initializeElement(at: 0, to: pollfd(fd: first, events: input, revents: 0))
        unsafe set.initializeElement(at: 1, to: pollfd(fd: second, events: input, revents: 0))
        _ = unsafe poll(set.baseAddress, 2, -1)
    }
}
