import Glibc

/// Volumes of 0–100 as gains of a mixer.
///
/// Ten dB less are heard as half as loud (Stevens' sone: ISO 532, loudness doubles every 10 phon), so
/// `volume / 100 = 2^(dB below the maximum / 10)`: 100 is the maximum, 50 is 10 dB below it, 25 is 20 dB below it. A
/// range of 24 dB or less has no room for that, and is divided evenly. 0 is the lowest there is.
struct VolumeScale: Hashable {
    /// In hundredths of dB, as alsa-lib has them.
    var minimum: Int
    var maximum: Int

    private static let small = 2_400

    init(minimum: Int, maximum: Int) {
        self.minimum = minimum
        self.maximum = maximum
    }

    /// - `volume`: 0–100.
    /// - Returns: hundredths of dB.
    func gain(volume: Int) -> Int {
        if volume <= 0 { return minimum }
        let share = Double(volume) / 100
        if maximum - minimum <= Self.small {
            return minimum + Int((Double(maximum - minimum) * share).rounded())
        }
        return max(minimum, maximum + Int((1_000 * log2(share)).rounded()))
    }

    /// - `gain`: hundredths of dB.
    /// - Returns: 0–100.
    func volume(gain: Int) -> Int {
        if gain <= minimum { return 0 }
        if gain >= maximum { return 100 }
        let share =
            maximum - minimum <= Self.small
            ? Double(gain - minimum) / Double(maximum - minimum) : exp2(Double(gain - maximum) / 1_000)
        return Int((share * 100).rounded())
    }
}
