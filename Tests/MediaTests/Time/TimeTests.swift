import Media
import Testing

@Suite("Time")
struct TimeTests {
    @Test("the monotonic clock never goes back")
    func monotonic() {
        var last = MonotonicInstant.now()
        for _ in 0..<10_000 {
            let now = MonotonicInstant.now()
            #expect(now >= last)
            last = now
        }
        #expect(last.nanoseconds > 0)
    }

    @Test("instants and durations add up")
    func arithmetic() {
        let instant = MonotonicInstant(nanoseconds: 5_000)
        #expect(instant + .microseconds(3) == MonotonicInstant(nanoseconds: 8_000))
        #expect(instant - .microseconds(3) == MonotonicInstant(nanoseconds: 2_000))
        #expect(MonotonicInstant(nanoseconds: 2_000) - instant == .microseconds(-3))
        #expect(MonotonicInstant(nanoseconds: 2_000) < instant)
    }

    @Test(
        "durations in nanoseconds and milliseconds",
        arguments: [
            (Duration.milliseconds(10), Int64(10_000_000), 10.0), (.nanoseconds(1), 1, 1e-6),
            (.seconds(-2), -2_000_000_000, -2000),
            (Duration(secondsComponent: 0, attosecondsComponent: 999_999_999), 0, 0),
            (.seconds(86_400 * 365), 31_536_000_000_000_000, 31_536_000_000),
        ])
    func duration(duration: Duration, nanoseconds: Int64, milliseconds: Double) {
        #expect(duration.nanoseconds == nanoseconds)
        #expect(duration.milliseconds == milliseconds)
    }

    @Test(
        "media time has a duration, also after days",
        arguments: [
            (MediaTime(ticks: 90_000, rate: 90_000), Duration.seconds(1)),
            (MediaTime(ticks: -48, rate: 48_000), .milliseconds(-1)),
            (MediaTime(ticks: 1, rate: 3), .nanoseconds(333_333_333)),
            (MediaTime(ticks: 90_000 * 86_400 * 30, rate: 90_000), .seconds(86_400 * 30)),
        ])
    func mediaTime(time: MediaTime, expected: Duration) { #expect(time.duration == expected) }
}
