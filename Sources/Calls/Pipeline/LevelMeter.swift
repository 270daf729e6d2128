import Glibc

/// How loud sound is: its level as RFC 6464 defines it, and the loudest sample so far.
struct LevelMeter: Sendable {
    static let silence = -127.0

    /// The loudest sample so far, 0…1.
    private(set) var peak = 0.0
    /// dB relative to the overload point, −127…0 (a sine of full scale has −3). Rises at once, falls by
    /// 1.5 dB a block, so that a pause between two syllables does not show.
    var levelDBov: Double { power > 0 ? max(Self.silence, log10(power) * 10) : Self.silence }
    /// The mean square, 1 at the overload point.
    private var power = 0.0
    /// What was last said to have changed.
    private var toldLevel = silence

    mutating func measure(_ samples: Span<Int16>) {
        guard !samples.isEmpty else { return }
        var sum: Int64 = 0
        var (lowest, highest) = (Int16(0), Int16(0))
        for index in samples.indices {
            // Without traps, which would keep the compiler from doing several at once: 2³² samples fit.
            let sample = Int32(samples[index])
            sum &+= Int64(sample &* sample)
            lowest = min(lowest, samples[index])
            highest = max(highest, samples[index])
        }
        let overload = 32_768.0
        let current = Double(sum) / (Double(samples.count) * overload * overload)
        power = max(current, power * 0.7 + current * 0.3)
        // What rounding leaves of silence is silence.
        if power < 1e-12 { power = 0 }
        peak = max(peak, min(1, Double(max(-Int(lowest), Int(highest))) / overload))
    }

    /// Whether the level is another, by a decibel, than when this was last so: what shows it need not look before. A tone that
    /// lies between two whole decibels does not flicker.
    mutating func takeChange() -> Bool {
        let level = levelDBov
        guard abs(level - toldLevel) >= 1 else { return false }
        toldLevel = level
        return true
    }

    /// The sound is over.
    mutating func fallSilent() {
        power = 0
        toldLevel = Self.silence
    }
}
