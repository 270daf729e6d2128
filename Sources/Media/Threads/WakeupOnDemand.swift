import CLinux
import Synchronization

/// A ``Wakeup`` that is made when somebody asks for it: one that nobody polls costs a system call when it is made and one
/// when it goes, at each join and leave.
///
/// A signal that comes before is kept.
/// - Thread: any.
struct WakeupOnDemand: ~Copyable, Sendable {
    private let wakeup = Mutex<Wakeup?>(nil)
    // A copy, as following the reference would count it; -1 before there is one.
    private let descriptor = Atomic<Int32>(-1)
    private let isSignalled = Atomic(false)

    var value: Wakeup {
        wakeup.withLock { wakeup in
            if let wakeup { return wakeup }
            let made = Wakeup()
            wakeup = made
            descriptor.store(made.descriptor, ordering: .sequentiallyConsistent)
            if isSignalled.exchange(false, ordering: .sequentiallyConsistent) { made.signal() }
            return made
        }
    }

    @_noLocks
    func signal() {
        if descriptor.load(ordering: .acquiring) < 0 {
            isSignalled.store(true, ordering: .sequentiallyConsistent)
            // One that was made meanwhile may not have seen that.
        }
        let descriptor = descriptor.load(ordering: .sequentiallyConsistent)
        if descriptor >= 0 { linux_eventfd_signal(descriptor) }
    }
}
