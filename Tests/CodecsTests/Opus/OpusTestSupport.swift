import Codecs
import Glibc
import Testing

extension OpusEncoder {
    /// Encodes into storage of its own.
    mutating func encoded(_ pcm: [Int16]) throws(CodecError) -> [UInt8] {
        var packet = [UInt8](repeating: 0, count: Self.maximumPacketBytes)
        var span = packet.mutableSpan
        let count = try encode(pcm.span, into: &span)
        return Array(packet[..<count])
    }
}

extension OpusDecoder {
    mutating func decoded(_ packet: [UInt8]) throws(CodecError) -> [Int16] {
        var pcm = [Int16](repeating: 0, count: Self.maximumSampleFrames * channels)
        var span = pcm.mutableSpan
        let count = try decode(packet.span, into: &span)
        return Array(pcm[..<(count * channels)])
    }

    mutating func concealed(_ sampleFrames: Int) throws(CodecError) -> [Int16] {
        var pcm = [Int16](repeating: 0, count: Self.maximumSampleFrames * channels)
        var span = pcm.mutableSpan
        let count = try conceal(sampleFrames: sampleFrames, into: &span)
        return Array(pcm[..<(count * channels)])
    }

    mutating func recovered(from next: [UInt8], sampleFrames: Int) throws(CodecError) -> [Int16] {
        var pcm = [Int16](repeating: 0, count: sampleFrames * channels)
        var span = pcm.mutableSpan
        let count = try decodeFEC(next.span, sampleFrames: sampleFrames, into: &span)
        return Array(pcm[..<(count * channels)])
    }
}

/// The error that a body throws, or nil.
func codecError(_ body: () throws(CodecError) -> Void) -> CodecError? {
    do throws(CodecError) {
        try body()
        return nil
    } catch {
        return error
    }
}

/// Frames of a sine of half amplitude at 440 Hz, in the settings' form.
func sine(seconds: Double, _ settings: OpusSettings) -> [[Int16]] {
    let size = settings.frameSampleFrames
    return (0..<Int(seconds * 48_000) / size).map { frame in
        (0..<size * settings.channels).map { index in
            let time = Double(frame * size + index / settings.channels) / 48_000
            return Int16(0.5 * 32767 * sin(2 * .pi * 440 * time))
        }
    }
}

/// White noise that is the same at each run.
struct NoiseSource {
    private var state: UInt64 = 1

    mutating func frame(_ count: Int) -> [Int16] {
        (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int16(truncatingIfNeeded: state >> 48) / 4
        }
    }
}

/// Something like a vowel: pulses at 120 Hz with falling harmonics.
struct VoiceSource {
    private var position = 0

    mutating func frame(_ count: Int) -> [Int16] {
        defer { position += count }
        return (position..<position + count).map { index in
            let time = Double(index) / 48_000
            let sum = (1...20).reduce(0.0) { $0 + sin(2 * .pi * 120 * Double($1) * time) / Double($1) }
            return Int16(6000 * sum)
        }
    }
}

/// 0…1.
func rms(_ samples: [Int16]) -> Double {
    sqrt(samples.reduce(0) { $0 + Double($1) * Double($1) } / Double(max(1, samples.count))) / 32768
}

/// The amplitude, 0…1, of one frequency (Goertzel).
func amplitude(of frequency: Double, in samples: [Int16]) -> Double {
    let coefficient = 2 * cos(2 * .pi * frequency / 48_000)
    var (s1, s2) = (0.0, 0.0)
    for sample in samples { (s1, s2) = (Double(sample) / 32767 + coefficient * s1 - s2, s1) }
    return 2 * sqrt(max(0, s1 * s1 + s2 * s2 - coefficient * s1 * s2)) / Double(samples.count)
}

/// The best normalised correlation of some samples with a stretch of longer ones.
func correlation(_ samples: [Int16], withinLagOf limit: Int, _ longer: [Int16]) -> Double {
    let end = longer.count - samples.count
    return (max(0, end - limit)...end).map { lag in
        var (cross, a, b) = (0.0, 0.0, 0.0)
        for index in samples.indices {
            let (x, y) = (Double(samples[index]), Double(longer[lag + index]))
            cross += x * y
            a += x * x
            b += y * y
        }
        return a > 0 && b > 0 ? cross / sqrt(a * b) : 0
    }.max() ?? 0
}

/// A setting that Opus does not take, and what the error must say instead.
struct BadSetting: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let allowed: String
    let change: @Sendable (inout OpusSettings) -> Void

    init(_ name: String, _ allowed: String, _ change: @escaping @Sendable (inout OpusSettings) -> Void) {
        testDescription = name
        self.allowed = allowed
        self.change = change
    }
}
