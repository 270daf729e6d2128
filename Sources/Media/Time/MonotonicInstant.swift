import CLinux

/// An instant of CLOCK_MONOTONIC: the clock that ALSA's and V4L2's timestamps use, which stands still while the
/// machine sleeps and is never set.
///
/// Only device threads and sockets read it (``now()``); everything above gets time as an argument.
public struct MonotonicInstant: Sendable, Hashable, Comparable {
    /// Nanoseconds since boot.
    public var nanoseconds: Int64

    @_noLocks
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    @_noLocks
    public static func now() -> MonotonicInstant { MonotonicInstant(nanoseconds: linux_monotonic_ns()) }

    public static func < (a: Self, b: Self) -> Bool { a.nanoseconds < b.nanoseconds }
    public static func + (a: Self, b: Duration) -> Self { Self(nanoseconds: a.nanoseconds + b.nanoseconds) }
    public static func - (a: Self, b: Duration) -> Self { Self(nanoseconds: a.nanoseconds - b.nanoseconds) }
    public static func - (a: Self, b: Self) -> Duration { .nanoseconds(a.nanoseconds - b.nanoseconds) }
}

extension Duration {
    /// The duration in nanoseconds, rounded towards zero, within Int64 (292 years).
    public var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    /// The duration in milliseconds, for people and JSON.
    public var milliseconds: Double { Double(nanoseconds) / 1e6 }
}
