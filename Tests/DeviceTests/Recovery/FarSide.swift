import Foundation
import Media
import Reprise
import Synchronization

/// What is heard and seen at the other end of a call with the echo participant, with the time of each block and picture;
/// and when the application was told of a fault.
final class FarSide: Sendable {
    private struct State {
        /// When blocks were heard that were not silent; each is 10 ms.
        var sound: [MonotonicInstant] = []
        /// Those of them that were not the voice's tone.
        var noise: [MonotonicInstant] = []
        var pictures: [MonotonicInstant] = []
        var errors: [MonotonicInstant] = []
    }

    private let seen: Seen
    private let tasks: [Task<Void, Never>]
    private let observation: VideoObservation

    private final class Seen: Sendable {
        let state = Mutex(State())
    }

    init(_ call: Call) {
        let seen = Seen()
        self.seen = seen
        let (audio, errors) = (call.remoteAudio, call.state.errors)
        let known = errors.value
        tasks = [
            Task {
                for await block in audio where block.samples.contains(where: { abs(Int32($0)) > 500 }) {
                    let isTone = Voice.isIn(block)
                    seen.state.withLock { state in
                        state.sound.append(block.at)
                        if !isTone { state.noise.append(block.at) }
                    }
                }
            },
            Task {
                // A join forgets the errors of the session before.
                for await list in errors where !list.isEmpty && list != known {
                    seen.state.withLock { $0.errors.append(.now()) }
                }
            },
        ]
        observation = call.onRemoteVideo { _ in seen.state.withLock { $0.pictures.append(.now()) } }
    }

    deinit {
        for task in tasks { task.cancel() }
        observation.cancel()
    }

    /// When the application was first told of a fault after an instant.
    func told(after begin: MonotonicInstant) -> MonotonicInstant? {
        seen.state.withLock { $0.errors.first { $0 >= begin } }
    }

    /// The longest time without sound after an instant. What is missing there, less the time of one block.
    func missingSound(after begin: MonotonicInstant) -> Duration {
        Self.longest(seen.state.withLock { $0.sound }, after: begin, usual: .milliseconds(10))
    }

    /// How many blocks were heard since an instant that were neither silence nor the voice's tone.
    func noise(after begin: MonotonicInstant) -> Int { seen.state.withLock { $0.noise.count { $0 >= begin } } }

    /// The longest time between two pictures after an instant, less the time of one picture.
    func missingPicture(after begin: MonotonicInstant) -> Duration {
        Self.longest(seen.state.withLock { $0.pictures }, after: begin, usual: .milliseconds(67))
    }

    func firstPicture(after begin: MonotonicInstant) -> MonotonicInstant? {
        seen.state.withLock { $0.pictures.first { $0 >= begin } }
    }

    /// Waits until there has been sound without a pause longer than 100 ms, for half a second from an instant on.
    func hears(after begin: MonotonicInstant) async -> Bool { await isSteady(after: begin, 30, 100) { $0.sound } }

    /// Waits until pictures come regularly.
    func sees(after begin: MonotonicInstant) async -> Bool { await isSteady(after: begin, 5, 400) { $0.pictures } }

    private func isSteady(
        after begin: MonotonicInstant, _ count: Int, _ pause: Int64,
        _ of: @escaping @Sendable (State) -> [MonotonicInstant]
    ) async -> Bool {
        await reached {
            let last = seen.state.withLock { of($0) }.filter { $0 >= begin }.suffix(count)
            return last.count == count && zip(last, last.dropFirst()).allSatisfy { $1 - $0 < .milliseconds(pause) }
        }
    }

    private static func longest(
        _ times: [MonotonicInstant], after begin: MonotonicInstant, usual: Duration
    ) -> Duration {
        let last = times.last { $0 < begin }
        let after = times.filter { $0 >= begin }
        let all = (last.map { [$0] } ?? []) + after
        let longest = zip(all, all.dropFirst()).map { $1 - $0 }.max() ?? .zero
        return max(.zero, longest - usual)
    }
}

/// The tone that stands for a voice in the lab.
enum Voice {
    static let tone = Tone(frequency: 440, amplitude: 0.5)

    private static let wave = (0..<Tone.rate / 10).map { frame in
        let phase = 2 * Double.pi * tone.frequency * Double(frame) / Double(Tone.rate)
        return (sine: Float(sin(phase)), cosine: Float(cos(phase)))
    }

    /// Whether most of a block's power is the tone's: ``Recording/purity(at:)`` from a table, for each block while gaps are
    /// measured.
    static func isIn(_ block: SoundBlock) -> Bool {
        var (sine, cosine, power): (Float, Float, Float) = (0, 0, 0)
        var frames: Float = 0
        for (sample, wave) in zip(stride(from: 0, to: block.samples.count, by: block.format.channels), wave) {
            let value = Float(block.samples[sample])
            sine += value * wave.sine
            cosine += value * wave.cosine
            power += value * value
            frames += 1
        }
        return sine * sine + cosine * cosine > power * frames / 4
    }
}
