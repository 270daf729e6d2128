/// Gathers the signals that one plugging gives, until it is quiet: pure, with time passed in.
///
/// A batch is complete when nothing came for ``quiet``, and at the latest ``longest`` after its first signal: whoever is
/// told is told within 100 ms.
public struct SignalDebounce: Sendable {
    public static let quiet = Duration.milliseconds(20)
    public static let longest = Duration.milliseconds(80)

    private var signals: [DeviceSignal] = []
    private var first: MonotonicInstant?
    private var last: MonotonicInstant?

    public init() {}

    public mutating func add(_ signal: DeviceSignal, now: MonotonicInstant) {
        if !signals.contains(signal) { signals.append(signal) }
        first = first ?? now
        last = now
    }

    /// When the batch is complete; nil where there is none.
    public var deadline: MonotonicInstant? {
        guard let first, let last else { return nil }
        return min(last + Self.quiet, first + Self.longest)
    }

    /// The batch, where it is complete: each signal once, in the order they came.
    public mutating func take(now: MonotonicInstant) -> [DeviceSignal]? {
        guard let deadline, now >= deadline else { return nil }
        defer { self = SignalDebounce() }
        return signals
    }
}
