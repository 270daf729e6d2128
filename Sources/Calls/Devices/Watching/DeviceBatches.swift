import Media
import Synchronization

/// The signals that a session gathers, with whether somebody waits for them.
final class DeviceBatches: Sendable {
    private let now: @Sendable () -> MonotonicInstant
    private let state = Mutex(SignalDebounce())

    init(now: @escaping @Sendable () -> MonotonicInstant) { self.now = now }

    /// - Returns: whether it is the first of a batch, so that somebody has to wait for the rest.
    func add(_ signal: DeviceSignal) -> Bool {
        let now = now()
        return state.withLock { debounce in
            defer { debounce.add(signal, now: now) }
            return debounce.deadline == nil
        }
    }

    enum Standing {
        /// Not quiet yet: look again then.
        case wait(Duration)
        /// The batch; the next signal begins another.
        case complete([DeviceSignal])
    }

    var standing: Standing {
        let now = now()
        return state.withLock { debounce in
            if let batch = debounce.take(now: now) { return .complete(batch) }
            return debounce.deadline.map { .wait($0 - now) } ?? .complete([])
        }
    }
}
