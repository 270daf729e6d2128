import Foundation

/// A sine, as a WAV file of 48 kHz S16.
struct Tone {
    var frequency: Double
    /// The peak, 0–1.
    var amplitude: Double
    var channels = 2
    static let rate = 48_000

    /// Writes a file of this length, unless there is one already, and returns its path.
    /// - `seconds`: whole ones, so that one second of a tone of whole Hz can be repeated: the lab's processor is slow.
    func write(seconds: Int) throws -> String {
        // A minute of it is 11 MB, and the lab's files are in memory.
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(
            "tone-\(frequency)-\(amplitude)-\(channels)-\(seconds).wav")
        if FileManager.default.fileExists(atPath: file.path) { return file.path }
        let second = (0..<Self.rate).flatMap { frame in
            let phase = 2 * Double.pi * frequency * Double(frame) / Double(Self.rate)
            return bytes(Int16((sin(phase) * amplitude * 32767).rounded()), repeated: channels)
        }
        let size = UInt32(second.count * seconds)
        var data = Data("RIFF".utf8 + bytes(36 + size) + "WAVEfmt ".utf8 + bytes(UInt32(16)))
        data += bytes(UInt16(1)) + bytes(UInt16(channels)) + bytes(UInt32(Self.rate))
        data += bytes(UInt32(Self.rate * channels * 2)) + bytes(UInt16(channels * 2)) + bytes(UInt16(16))
        data += "data".utf8 + bytes(size)
        let once = Data(second)
        for _ in 0..<seconds { data += once }
        try data.write(to: file, options: .atomic)
        return file.path
    }

    private func bytes(_ value: some FixedWidthInteger, repeated count: Int = 1) -> [UInt8] {
        let once = stride(from: 0, to: value.bitWidth, by: 8).map { UInt8(truncatingIfNeeded: value >> $0) }
        return (0..<count).flatMap { _ in once }
    }
}

/// The first channel of a recorded 48 kHz S16 WAV file.
struct Recording {
    var samples: [Double]

    init(samples: [Double]) { self.samples = samples }

    /// - Throws: what reading the file gives. A file that is no WAV of 48 kHz S16 is an empty recording.
    init(_ path: String) throws {
        let data = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        func number(_ offset: Int, _ bytes: Int) -> Int {
            (0..<bytes).reduce(0) { $0 | Int(data[offset + $1]) << (8 * $1) }
        }
        samples = []
        guard data.count > 44, number(24, 4) == Tone.rate, number(34, 2) == 16 else { return }
        // A recorder that was ended may not have written the size; what is after the 44 bytes of header is sound.
        let frame = number(22, 2) * 2
        samples = stride(from: 44, to: data.count - frame + 1, by: frame).map { offset in
            Double(Int16(truncatingIfNeeded: Int(data[offset]) | Int(data[offset + 1]) << 8)) / 32768
        }
    }

    var seconds: Double { Double(samples.count) / Double(Tone.rate) }

    /// The last part that is not silence.
    func lastSound(seconds: Double) -> Recording {
        let count = Int(seconds * Double(Tone.rate))
        guard let end = samples.lastIndex(where: { abs($0) > 0.01 }) else { return Recording(samples: []) }
        return Recording(samples: Array(samples[max(0, end - count)...end]))
    }

    /// One after the other, all of this length.
    func windows(seconds: Double) -> [Recording] {
        let count = Int(seconds * Double(Tone.rate))
        return stride(from: 0, to: samples.count - count + 1, by: count).map {
            Recording(samples: Array(samples[$0..<$0 + count]))
        }
    }

    /// The root mean square in dB below a full-scale sine's.
    var level: Double {
        guard !samples.isEmpty else { return -.infinity }
        let power = samples.reduce(0) { $0 + $1 * $1 } / Double(samples.count)
        return 10 * log10(power * 2)
    }

    /// Hz, from the distance between the first and the last upward crossing of zero; 0 where there is no tone.
    var frequency: Double {
        var crossings: [Double] = []
        for index in samples.indices.dropFirst() where samples[index - 1] < 0 && samples[index] >= 0 {
            let fraction = -samples[index - 1] / (samples[index] - samples[index - 1])
            crossings.append(Double(index - 1) + fraction)
        }
        guard let first = crossings.first, let last = crossings.last, last > first else { return 0 }
        return Double(crossings.count - 1) * Double(Tone.rate) / (last - first)
    }

    /// How much of the power is at one frequency, 0–1 (Goertzel): a tone that is torn has less.
    func purity(at frequency: Double) -> Double {
        var sine = 0.0
        var cosine = 0.0
        var power = 0.0
        for (index, sample) in samples.enumerated() {
            let phase = 2 * Double.pi * frequency * Double(index) / Double(Tone.rate)
            sine += sample * sin(phase)
            cosine += sample * cos(phase)
            power += sample * sample
        }
        return power == 0 ? 0 : 2 * (sine * sine + cosine * cosine) / (power * Double(samples.count))
    }
}

/// The middle one of some values; 0 of none.
func median(_ values: [Double]) -> Double { values.isEmpty ? 0 : values.sorted()[values.count / 2] }
