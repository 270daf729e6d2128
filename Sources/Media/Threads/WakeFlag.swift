import CLinux

/// Wakes a thread that sleeps on nothing else. Unlike a ``Wakeup`` it takes no descriptor, so that it can always be had.
/// - Source: futex(2).
@safe
package final class WakeFlag: @unchecked Sendable {
    // Read and written by atomic operations alone.
    private let flag: UnsafeMutablePointer<UInt32>

    package init() {
        unsafe flag = .allocate(capacity: 1)
        unsafe flag.initialize(to: 0)
    }

    deinit { unsafe flag.deallocate() }

    /// Any thread.
    package func raise() { unsafe linux_flag_raise(flag) }

    /// Waits until it is raised, and takes that back. One thread at a time.
    /// - `timeout`: nil: as long as it takes.
    /// - Returns: whether it was raised.
    @discardableResult
    package func wait(atMost timeout: Duration? = nil) -> Bool {
        unsafe linux_flag_wait(flag, timeout.map { max(0, $0.nanoseconds) } ?? -1)
    }
}
