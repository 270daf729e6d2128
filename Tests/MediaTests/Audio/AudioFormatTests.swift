import Media
import Testing

@Suite("AudioFormat")
struct AudioFormatTests {
    @Test(
        "a duration's sample frames are rounded down",
        arguments: [
            (48_000, Duration.milliseconds(10), 480), (44_100, .milliseconds(10), 441),
            (48_000, .microseconds(2500), 120),
            (44_100, .microseconds(2500), 110), (48_000, .zero, 0), (48_000, .seconds(400 * 86_400), 1_658_880_000_000),
        ])
    func sampleFrames(rate: Int, duration: Duration, expected: Int) {
        #expect(AudioFormat(rate: rate).sampleFrames(in: duration) == expected)
    }

    @Test(
        "sample frames have a duration, also after a year",
        arguments: [
            (48_000, 480, Duration.milliseconds(10)), (44_100, 1, .nanoseconds(22_675)),
            (48_000, 48_000 * 86_400 * 365, .seconds(86_400 * 365)),
        ])
    func duration(rate: Int, count: Int, expected: Duration) {
        #expect(AudioFormat(rate: rate).duration(ofSampleFrames: count) == expected)
    }
}
