import Codecs
import Glibc
import Media
import RTP
import Rooms
import Synchronization
import TestSupport
import Testing

@testable import Calls

/// A tone in 16-bit samples.
struct Tone {
    var hertz = 1000.0
    /// Of full scale.
    var amplitude = 0.5
    var rate = 48_000.0

    func samples(from first: Int, count: Int, channels: Int = 1) -> [Int16] {
        (0..<count * channels).map { index in
            Int16(amplitude * 32_767 * sin(2 * .pi * hertz * Double(first + index / channels) / rate))
        }
    }
}

/// The amplitude of one frequency in samples, of full scale: the mean over windows of 50 ms, which take what is within
/// some 20 Hz for the frequency.
func amplitude(of hertz: Double, in samples: ArraySlice<Int16>) -> Double {
    let windows = stride(from: samples.startIndex, through: samples.endIndex - 2400, by: 2400)
    let sum = windows.reduce(0) { $0 + exactAmplitude(of: hertz, in: samples[$1..<$1 + 2400]) }
    return sum / Double(max(1, samples.count / 2400))
}

/// The amplitude of one frequency in samples, of full scale: the longer, the more exactly that frequency
/// (Goertzel's algorithm under a Hann window).
func exactAmplitude(of hertz: Double, in samples: ArraySlice<Int16>, rate: Double = 48_000) -> Double {
    let omega = 2 * Double.pi * hertz / rate
    let count = Double(samples.count)
    var (previous, beforeThat, weight) = (0.0, 0.0, 0.0)
    for (index, sample) in samples.enumerated() {
        let window = 0.5 - 0.5 * cos(2 * .pi * Double(index) / count)
        let next = Double(sample) / 32_768 * window + 2 * cos(omega) * previous - beforeThat
        (beforeThat, previous, weight) = (previous, next, weight + window)
    }
    let power = previous * previous + beforeThat * beforeThat - 2 * cos(omega) * previous * beforeThat
    return 2 * max(0, power).squareRoot() / weight
}

/// Values handed over from one thread to another.
final class Collected<Value: Sendable>: Sendable {
    private let contents = Mutex<[Value]>([])
    func append(_ value: Value) { contents.withLock { $0.append(value) } }
    var values: [Value] { contents.withLock { $0 } }
    func take() -> [Value] {
        contents.withLock { values in
            defer { values = [] }
            return values
        }
    }
}

/// A microphone and a speaker by hand: rings that a test fills and empties at the pace of its own time.
final class AudioBench: Sendable {
    let capture: AudioRing
    let playback: AudioRing
    let packets = Collected<RTPPacket>()
    let sender: AudioSender
    let receiver: AudioReceiver
    let clock: BenchTime
    let played = Collected<Int16>()
    let kinds = Collected<AudioBlockKind>()

    init(
        settings: OpusSettings = OpusSettings(), notBefore: MonotonicInstant? = nil,
        start: RTPStart = RTPStart(sequenceNumber: 100, timestamp: 5000)
    ) throws {
        let format = AudioFormat(rate: 48_000, channels: settings.channels)
        capture = AudioRing(format: format, capacity: 16_384)
        playback = AudioRing(format: format, capacity: 16_384)
        let (time, packets) = (BenchTime(), packets)
        clock = time
        sender = try AudioSender(
            ring: capture, settings: settings, ssrc: 7, notBefore: notBefore ?? time.now - .milliseconds(5),
            now: { time.now },
            start: start
        ) { packets.append($0) }
        receiver = try AudioReceiver(ring: playback, settings: settings, now: { time.now })
    }

    /// The microphone delivers a block that ends now.
    func capture(_ samples: [Int16], isAfterGap: Bool = false) {
        let frames = samples.count / capture.format.channels
        let at = clock.now - capture.format.duration(ofSampleFrames: frames)
        let isWritten = unsafe samples.withUnsafeBufferPointer {
            unsafe capture.write($0.baseAddress!, sampleFrames: frames, capturedAt: at, isAfterGap: isAfterGap)
        }
        #expect(isWritten)
    }

    /// Lets 10 ms pass. In the middle of them the microphone delivers, and the packets that come of it take `network`'s
    /// way; at their end the speaker takes as much.
    func step(_ samples: [Int16], network: ([RTPPacket]) -> [RTPPacket] = { $0 }) {
        clock.advance(by: .milliseconds(5))
        capture(samples)
        sender.pump()
        for packet in network(packets.take()) { receiver.receive(packet, track: Self.track) }
        clock.advance(by: .milliseconds(5))
        speakerWakes()
        play()
    }

    /// The speaker's thread is woken for a period, and waits for nothing.
    func speakerWakes() {
        if receiver.pump(480, by: clock.now, isDue: false) { _ = receiver.pump(480, by: clock.now, isDue: true) }
    }

    static let track = TrackID(sessionID: "other", kind: .audio)

    /// The speaker takes a period.
    func play(_ frames: Int = 480) {
        let channels = playback.format.channels
        var samples = [Int16](repeating: 0, count: frames * channels)
        var done = 0
        unsafe samples.withUnsafeMutableBufferPointer { buffer in
            while done < frames {
                let read = unsafe playback.read(into: buffer.baseAddress! + done * channels, maximum: frames - done)
                if read.sampleFrames == 0 { break }
                kinds.append(read.kind)
                done += read.sampleFrames
            }
        }
        for sample in samples { played.append(sample) }
    }
}

/// Time that passes when a test says so.
final class BenchTime: Sendable {
    private let nanoseconds = Atomic<Int64>(1_000_000_000_000)
    var now: MonotonicInstant { MonotonicInstant(nanoseconds: nanoseconds.load(ordering: .relaxed)) }
    func advance(by duration: Duration) { nanoseconds.wrappingAdd(duration.nanoseconds, ordering: .relaxed) }
}
