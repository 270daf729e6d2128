import CLinux
import Synchronization

/// What makes the periods of synthetic devices happen.
public enum SyntheticTiming: Sendable {
    /// A thread of its own for each running device, woken by a timerfd.
    case realTime
    /// A test's clock: periods happen inside ``SyntheticClock/advance(by:)``, on the caller.
    case manual(SyntheticClock)

    /// The time of the devices.
    public var now: MonotonicInstant {
        switch self {
        case .realTime: .now()
        case .manual(let clock): clock.now
        }
    }
}

/// Time that passes only when a test says so.
///
/// - Thread: any. One task advances at a time: a call made while another (or a period of it) is at work adds its
///   duration to that one and returns at once.
public final class SyntheticClock: Sendable {
    private struct State {
        var now: MonotonicInstant
        var target: MonotonicInstant
        var isAdvancing = false
        var nextID = 0
        var entries: [Int: Entry] = [:]
    }

    private struct Entry {
        var due: MonotonicInstant
        let stream: ManualStream
    }

    /// A stream, and whether it still runs; the lock is held while a period happens.
    private final class ManualStream: Sendable {
        let isAlive = Mutex(true)
        let stream: any SyntheticStream
        init(_ stream: any SyntheticStream) { self.stream = stream }
    }

    private let state: Mutex<State>

    /// - `now`: the first instant; long after boot, so that what lies before it can be told too.
    public init(now: MonotonicInstant = MonotonicInstant(nanoseconds: 1_000_000_000_000)) {
        state = Mutex(State(now: now, target: now))
    }

    public var now: MonotonicInstant { state.withLock { $0.now } }

    /// Lets time pass: all periods that are due happen before it returns, in the order of their times, each seeing
    /// its own time in ``now``. Faults set before take effect, also with `.zero`.
    public func advance(by duration: Duration) {
        precondition(duration >= .zero, "time does not run backwards")
        let isFirst = state.withLock { state in
            state.target = state.target + duration
            defer { state.isAdvancing = true }
            return !state.isAdvancing
        }
        guard isFirst else { return }
        while let (id, due, manual) = next() {
            let following = manual.isAlive.withLock { isAlive in
                isAlive ? manual.stream.period(due: due, now: due) : nil
            }
            state.withLock { state in
                if let following {
                    state.entries[id]?.due = following
                } else {
                    state.entries[id] = nil
                }
            }
        }
    }

    private func next() -> (id: Int, due: MonotonicInstant, stream: ManualStream)? {
        state.withLock { state in
            // An unplugged device tells so now, not at its next period.
            let urgent = state.entries.first { $0.value.stream.stream.isInterrupted }
            let earliest = urgent ?? state.entries.min { ($0.value.due, $0.key) < ($1.value.due, $1.key) }
            guard let (id, entry) = earliest, urgent != nil || entry.due <= state.target else {
                state.now = state.target
                state.isAdvancing = false
                return nil
            }
            if urgent == nil { state.now = max(state.now, entry.due) }
            return (id, urgent == nil ? entry.due : state.now, entry.stream)
        }
    }

    /// Lets a stream take part. Returns how to take it out: afterwards it is not called any more.
    func add(_ stream: any SyntheticStream, firstDue: MonotonicInstant) -> @Sendable () -> Void {
        let manual = ManualStream(stream)
        let id = state.withLock { state in
            state.nextID += 1
            state.entries[state.nextID] = Entry(due: firstDue, stream: manual)
            return state.nextID
        }
        return { [weak self] in
            manual.isAlive.withLock { $0 = false }
            _ = self?.state.withLock { $0.entries.removeValue(forKey: id) }
        }
    }
}

/// A running stream of a synthetic device, whoever makes its periods happen.
protocol SyntheticStream: AnyObject, Sendable {
    /// Whether something must be told before the next period: the device was unplugged.
    var isInterrupted: Bool { get }
    /// One period.
    /// - `due`: when it should happen; `now`: when it does.
    /// - Returns: when the next is due, or nil where the stream is over.
    func period(due: MonotonicInstant, now: MonotonicInstant) -> MonotonicInstant?
}
