/// A position or a length on a media timeline: `ticks` of `1 / rate` second.
///
/// 48,000 ticks a second for sound at 48 kHz, 90,000 for RTP video (RFC 3551 §5).
public struct MediaTime: Sendable, Hashable {
    public var ticks: Int64
    /// Ticks a second, above 0.
    public var rate: Int32

    public init(ticks: Int64, rate: Int32) {
        precondition(rate > 0, "a media timeline has a positive rate")
        self.ticks = ticks
        self.rate = rate
    }

    /// Rounded towards zero.
    public var nanoseconds: Int64 { scale(ticks, by: 1_000_000_000, over: Int64(rate)) }

    public var duration: Duration { .nanoseconds(nanoseconds) }
}

/// `value × numerator / denominator`, rounded towards zero, also where the product leaves Int64: nanoseconds times
/// 48,000 do so after 53 hours.
/// - `numerator × denominator` fits into Int64.
@_noLocks
func scale(_ value: Int64, by numerator: Int64, over denominator: Int64) -> Int64 {
    value / denominator * numerator + value % denominator * numerator / denominator
}
