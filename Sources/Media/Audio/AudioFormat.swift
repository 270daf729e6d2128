/// The form of sound between the devices and the codecs: interleaved 16-bit samples.
public struct AudioFormat: Sendable, Hashable {
    /// Sample frames a second.
    public var rate: Int
    /// Samples a sample frame: 1 or 2.
    public var channels: Int

    public init(rate: Int = 48_000, channels: Int = 1) {
        precondition(rate > 0 && (1...2).contains(channels), "1 or 2 channels at a positive rate")
        self.rate = rate
        self.channels = channels
    }

    /// The sample frames in a duration, rounded down.
    public func sampleFrames(in duration: Duration) -> Int {
        Int(scale(duration.nanoseconds, by: Int64(rate), over: 1_000_000_000))
    }

    /// The instant so many sample frames after another: what the duration below comes to, without its 128 bits.
    public func instant(_ sampleFrames: Int, after start: MonotonicInstant) -> MonotonicInstant {
        MonotonicInstant(
            nanoseconds: start.nanoseconds + scale(Int64(sampleFrames), by: 1_000_000_000, over: Int64(rate)))
    }

    /// The duration of a number of sample frames.
    public func duration(ofSampleFrames count: Int) -> Duration {
        .nanoseconds(scale(Int64(count), by: 1_000_000_000, over: Int64(rate)))
    }
}
