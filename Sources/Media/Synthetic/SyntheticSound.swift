import Glibc
import Synchronization

/// What a synthetic microphone hears. It goes on in the world whether or not anybody listens: after a pause the sound
/// is where it would be, so that stale sound can be told from fresh.
public enum SyntheticSound: Sendable, Hashable {
    /// A sine.
    /// - `frequency`: Hz. `level`: its peak, 0–1 of full scale.
    case tone(frequency: Double, level: Double)
    /// Every sample is the low 16 bits of the number of its sample frame since the clock's zero.
    case stamps
    case silence

    /// The number of the sample frame at an instant, as ``stamps`` counts.
    @_noLocks
    public static func sampleFrame(at instant: MonotonicInstant, rate: Int) -> Int64 {
        scale(instant.nanoseconds, by: Int64(rate), over: 1_000_000_000)
    }
}

/// Makes the samples of a ``SyntheticSound``.
///
/// - Thread: `fill` on the device thread; `sound` on any.
@safe
final class SoundSource: @unchecked Sendable {
    private static let tableSize = 4096
    // The sine of a full turn, and the first value once more for the interpolation.
    private let table: UnsafeMutablePointer<Float>
    // The bits of floating-point numbers, so that both can be changed while the device runs.
    private let level = Atomic<UInt32>(0)
    private let frequency = Atomic<UInt64>(0)
    private let isStamped = Atomic<Bool>(false)
    private let current: Mutex<SyntheticSound>

    init(_ sound: SyntheticSound) {
        unsafe table = .allocate(capacity: Self.tableSize + 1)
        for index in 0...Self.tableSize {
            let turn = Double(index) / Double(Self.tableSize)
            unsafe (table + index).initialize(to: Float(sin(2 * Double.pi * turn)))
        }
        current = Mutex(sound)
        apply(sound)
    }

    deinit { unsafe table.deallocate() }

    var sound: SyntheticSound {
        get { current.withLock { $0 } }
        set {
            current.withLock { $0 = newValue }
            apply(newValue)
        }
    }

    private func apply(_ sound: SyntheticSound) {
        switch sound {
        case .tone(let frequency, let level):
            precondition((0...1).contains(level) && frequency >= 0, "a level of 0–1 at a frequency of 0 Hz or more")
            self.frequency.store(frequency.bitPattern, ordering: .relaxed)
            self.level.store((Float(level) * 32767).bitPattern, ordering: .relaxed)
            isStamped.store(false, ordering: .relaxed)
        case .stamps: isStamped.store(true, ordering: .relaxed)
        case .silence:
            level.store(0, ordering: .relaxed)
            isStamped.store(false, ordering: .relaxed)
        }
    }

    /// Writes interleaved samples, the same on all channels.
    /// - `position`: the number of the first sample frame since the clock's zero.
    @_noLocks @unsafe
    func fill(_ samples: UnsafeMutablePointer<Int16>, sampleFrames: Int, channels: Int, rate: Int, position: Int64) {
        var index = 0
        if isStamped.load(ordering: .relaxed) {
            while index < sampleFrames * channels {
                unsafe samples[index] = Int16(truncatingIfNeeded: position + Int64(index / channels))
                index += 1
            }
            return
        }
        let level = Float(bitPattern: level.load(ordering: .relaxed))
        let frequency = Double(bitPattern: frequency.load(ordering: .relaxed))
        // The phase at the whole second is exact for whole frequencies, and near enough for the others.
        let step = frequency / Double(rate)
        let seconds = Double(position / Int64(rate)) * frequency
        var phase = seconds - Double(Int64(seconds)) + Double(position % Int64(rate)) * step
        while index < sampleFrames * channels {
            phase -= Double(Int64(phase))
            let place = Float(phase) * 4096
            // Rounded to Float the phase may be a whole turn.
            let entry = place < 4096 ? Int(place) : 4095
            let low = unsafe table[entry]
            let high = unsafe table[entry + 1]
            let value = low + (high - low) * (place - Float(entry))
            let sample = Int16(value * level)
            var channel = 0
            while channel < channels {
                unsafe samples[index] = sample
                index += 1
                channel += 1
            }
            phase += step
        }
    }
}
