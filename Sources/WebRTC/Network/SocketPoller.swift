import CLinux
import Media
import Synchronization

/// Who is told of a descriptor's readiness, on the poller's thread.
protocol SocketHandler: AnyObject, Sendable {
    func socketIsReady(_ descriptor: Int32, readable: Bool, writable: Bool, batch: DatagramBatch)
}

/// Who is told that its time has come, on the poller's thread.
protocol TimerHandler: AnyObject, Sendable {
    func timerFired(now: MonotonicInstant)
}

/// The loop behind ``NetworkLoop``: epoll, a timerfd for all timers, and jobs from other threads.
@safe final class SocketPoller: Sendable {
    /// What a descriptor is watched under; never used twice, so an event of one that is gone finds nobody.
    typealias Token = UInt64

    private struct Timer {
        let token: Token
        let handler: any TimerHandler
        var deadline = Int64.max
    }

    private struct State {
        var handlers: [Token: (descriptor: Int32, handler: any SocketHandler)] = [:]
        var timers: [Timer] = []
        var nextToken: Token = 2
        /// What the timerfd is set to, in ns.
        var armed = Int64.max
        var jobs: [@Sendable () -> Void] = []
        var isStopping = false
        var hasEnded = false
    }

    private let state = Mutex(State())
    private let epoll: Int32
    private let timer: Int32
    private let wakeup = Wakeup()

    init() {
        epoll = linux_epoll()
        timer = linux_timerfd()
        precondition(epoll >= 0 && timer >= 0, "epoll, timerfd: raise the limit of open files (ulimit -n)")
        let status = [
            linux_epoll_add(epoll, wakeup.descriptor, Int32(linux_readable), Self.wakeupToken),
            linux_epoll_add(epoll, timer, Int32(linux_readable), Self.timerToken),
        ]
        precondition(status == [0, 0], "epoll_ctl: \(status)")
    }

    deinit {
        _ = linux_close(epoll)
        _ = linux_close(timer)
    }

    // MARK: From any thread

    /// Watches a descriptor for being readable, and writable where that is asked for.
    /// - Returns: nil when the kernel refuses.
    func add(_ descriptor: Int32, writable: Bool = false, handler: any SocketHandler) -> Token? {
        state.withLock { state in
            let token = state.nextToken
            guard linux_epoll_add(epoll, descriptor, Self.events(writable), token) == 0 else { return nil }
            state.nextToken += 1
            state.handlers[token] = (descriptor, handler)
            return token
        }
    }

    func change(_ token: Token, writable: Bool) {
        state.withLock { state in
            guard let entry = state.handlers[token] else { return }
            _ = linux_epoll_change(epoll, entry.descriptor, Self.events(writable), token)
        }
    }

    /// Ends the watch; call it before the descriptor is closed. On the poller's thread nothing is told afterwards.
    func remove(_ token: Token) {
        state.withLock { state in
            guard let entry = state.handlers.removeValue(forKey: token) else { return }
            _ = linux_epoll_remove(epoll, entry.descriptor)
        }
    }

    func addTimer(_ handler: any TimerHandler) -> Token {
        state.withLock { state in
            let token = state.nextToken
            state.nextToken += 1
            state.timers.append(Timer(token: token, handler: handler))
            return token
        }
    }

    func removeTimer(_ token: Token) { state.withLock { $0.timers.removeAll { $0.token == token } } }

    /// Has a timer told at an instant instead of the one before; nil: not at all.
    func schedule(_ token: Token, at deadline: MonotonicInstant?) {
        let deadline = deadline?.nanoseconds ?? .max
        state.withLock { state in
            for index in state.timers.indices where state.timers[index].token == token {
                state.timers[index].deadline = deadline
            }
            // A timer that moved away wakes the thread once in vain, which costs less than setting the clock each time.
            if deadline < state.armed { arm(&state, deadline) }
        }
    }

    /// Runs a job on the poller's thread, soon; when the thread has ended, here and now.
    func run(_ job: @escaping @Sendable () -> Void) {
        let isQueued = state.withLock { state in
            if !state.hasEnded { state.jobs.append(job) }
            return !state.hasEnded
        }
        if isQueued { wakeup.signal() } else { job() }
    }

    func stop() {
        state.withLock { $0.isStopping = true }
        wakeup.signal()
    }

    // MARK: On the thread

    func run() {
        let batch = DatagramBatch(count: 32)
        var tokens = [UInt64](repeating: 0, count: Self.eventsAtOnce)
        var events = [Int32](repeating: 0, count: Self.eventsAtOnce)
        while !endIfStopping() {
            let count = unsafe linux_epoll_wait(epoll, &tokens, &events, Int32(Self.eventsAtOnce))
            precondition(count >= 0, "epoll_wait: errno \(-count)")
            for index in 0..<Int(count) {
                switch tokens[index] {
                case Self.wakeupToken: runJobs()
                case Self.timerToken: fireTimers()
                default: tell(tokens[index], events[index], batch)
                }
            }
        }
        runJobs()
    }

    private func endIfStopping() -> Bool {
        state.withLock { state in
            if state.isStopping { state.hasEnded = true }
            return state.isStopping
        }
    }

    private func runJobs() {
        wakeup.drain()
        var jobs: [@Sendable () -> Void] = []
        state.withLock { swap(&$0.jobs, &jobs) }
        for job in jobs { job() }
    }

    private func tell(_ token: Token, _ events: Int32, _ batch: DatagramBatch) {
        guard let entry = state.withLock({ $0.handlers[token] }) else { return }
        entry.handler.socketIsReady(
            entry.descriptor, readable: events & Int32(linux_readable) != 0,
            writable: events & Int32(linux_writable) != 0, batch: batch)
    }

    private func fireTimers() {
        _ = linux_timerfd_drain(timer)
        let now = MonotonicInstant.now()
        state.withLock { $0.armed = .max }
        while let handler = takeDue(now) { handler.timerFired(now: now) }
        state.withLock { state in
            var earliest = Int64.max
            for timer in state.timers { earliest = min(earliest, timer.deadline) }
            if earliest < state.armed { arm(&state, earliest) }
        }
    }

    /// A timer that is due, set to never.
    private func takeDue(_ now: MonotonicInstant) -> (any TimerHandler)? {
        state.withLock { state in
            for index in state.timers.indices where state.timers[index].deadline <= now.nanoseconds {
                state.timers[index].deadline = .max
                return state.timers[index].handler
            }
            return nil
        }
    }

    private func arm(_ state: inout State, _ deadline: Int64) {
        state.armed = deadline
        // 0 would disarm it.
        _ = linux_timerfd_set(timer, max(1, deadline), 0)
    }

    private static func events(_ writable: Bool) -> Int32 {
        Int32(linux_readable) | (writable ? Int32(linux_writable) : 0)
    }

    private static let wakeupToken: Token = 0
    private static let timerToken: Token = 1
    private static let eventsAtOnce = 64
}
