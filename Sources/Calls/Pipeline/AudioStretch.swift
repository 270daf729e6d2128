import Media

/// Plays a frame a few samples longer or shorter than it is, so that the sender's clock and ours need not agree and
/// delay can grow and shrink unheard.
///
/// The first and the last sample keep their places, so frames join as they did; in between, a cubic through the four
/// nearest samples (Catmull and Rom's).
enum AudioStretch {
    /// - `input`: interleaved, two sample frames or more.
    /// - `count`: the sample frames there are to be, two or more.
    /// - `output`: they are put there from sample frame `offset` on.
    static func stretch(
        _ input: Span<Int16>, channels: Int, to count: Int, into output: inout MutableSpan<Int16>, at offset: Int = 0
    ) {
        let length = input.count / channels
        guard count != length else {
            var room = output.extracting(offset * channels..<offset * channels + input.count)
            for index in input.indices { room[index] = input[index] }
            return
        }
        guard length > 1, count > 1 else { return }
        let step = Float(length - 1) / Float(count - 1)
        for frame in 0..<count {
            let position = Float(frame) * step
            let index = min(Int(position), length - 2)
            let fraction = position - Float(index)
            for channel in 0..<channels {
                func sample(_ frame: Int) -> Float {
                    Float(input[min(max(frame, 0), length - 1) * channels + channel])
                }
                let value = cubic(sample(index - 1), sample(index), sample(index + 1), sample(index + 2), fraction)
                output[(offset + frame) * channels + channel] = Int16(max(-32_768, min(32_767, value.rounded())))
            }
        }
    }

    private static func cubic(_ a: Float, _ b: Float, _ c: Float, _ d: Float, _ t: Float) -> Float {
        let linear = (c - a) / 2
        let square = a - 2.5 * b + 2 * c - d / 2
        let cube = (d - a) / 2 + 1.5 * (b - c)
        return ((cube * t + square) * t + linear) * t + b
    }
}

/// Says by how much frames are to be stretched, from how long before they were needed packets came.
///
/// Playing starts with the first packet, so the delay is the least there is. Over half a second each, it grows while
/// packets are nearly late, or while the speaker's thread has to wait for most of them (a wake-up more each), and it
/// shrinks while they all come far too early. In between nothing is stretched. Where the sender's clock is faster than
/// ours the slack grows, where slower it shrinks, so this follows the drift of clocks as well.
struct AudioDelayControl: Sendable {
    /// Sample frames that a frame of 20 ms is played longer (shorter where negative): 0.1–0.5 % of speed, which nobody
    /// hears.
    private(set) var correction = 0
    // Nanoseconds, and not durations of 128 bits: this is done for every packet.
    private var leastSlack = Self.none
    private var packets = 0
    private var waits = 0

    private static let none = Int64.max
    /// Below it packets are nearly late.
    private static let least: Int64 = 4_000_000
    /// Above it they come too early. A period of the device and a frame: what they need to be there when asked for.
    private static let most: Int64 = 24_000_000
    private static let window = 25

    /// A packet was decoded.
    /// - `arrivedAt`, `neededAt`: what lies between them is the slack; it was late where they are in the other order.
    /// - `jitter`: the stream's interarrival jitter: the slack is to be greater by twice as much.
    /// - `hasWaited`: whether it was asked for before it came.
    mutating func note(
        arrivedAt: MonotonicInstant, neededAt: MonotonicInstant, jitter: MediaTime, hasWaited: Bool
    ) {
        let slack = neededAt.nanoseconds - arrivedAt.nanoseconds
        leastSlack = min(leastSlack, slack - min(jitter.nanoseconds * 2, 60_000_000))
        packets += 1
        waits += hasWaited ? 1 : 0
        guard packets == Self.window else { return }
        let (early, late) = (leastSlack - Self.most, Self.least - leastSlack)
        if early > 0 {
            correction = -Self.step(early)
        } else if late > 0 {
            correction = max(2, Self.step(late))
        } else {
            correction = waits * 2 > Self.window ? 2 : 0
        }
        leastSlack = Self.none
        packets = 0
        waits = 0
    }

    /// The stream pauses: what was measured is old.
    mutating func pause() { self = AudioDelayControl() }

    private static func step(_ error: Int64) -> Int { min(5, 1 + Int(error / 3_000_000)) }
}
