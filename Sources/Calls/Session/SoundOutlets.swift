public import Media
import Synchronization

/// A piece of the sound that is played: what all remote tracks say, summed up, at the speaker's volume.
public struct SoundBlock: Sendable, Hashable {
    public var format: AudioFormat
    /// Interleaved.
    public var samples: [Int16]
    /// When it was made ready for the speaker.
    public var at: MonotonicInstant
}

/// Hands the sound that is played to whoever records it or looks at it.
///
/// Lives as long as the call, as ``VideoOutlets`` does.
final class SoundOutlets: Sendable {
    private struct State {
        var outlets: [Int: AsyncStream<SoundBlock>.Continuation] = [:]
        var next = 0
    }

    private let state = Mutex(State())
    // Without listeners, a block costs no more than this look.
    private let hasListeners = Atomic(false)

    func stream() -> AsyncStream<SoundBlock> {
        // Ten seconds in blocks of 10 ms: who records waits for a disk now and then.
        let (stream, continuation) = AsyncStream.makeStream(
            of: SoundBlock.self, bufferingPolicy: .bufferingNewest(1000))
        let key = state.withLock { state in
            state.next += 1
            state.outlets[state.next] = continuation
            hasListeners.store(true, ordering: .releasing)
            return state.next
        }
        continuation.onTermination = { [weak self] _ in self?.remove(key) }
        return stream
    }

    private func remove(_ key: Int) {
        // Outside the lock: the last reference to a continuation may end its stream, which calls this again.
        let removed = state.withLock { state in
            defer { hasListeners.store(!state.outlets.isEmpty, ordering: .releasing) }
            return state.outlets.removeValue(forKey: key)
        }
        withExtendedLifetime(removed) {}
    }

    /// From the audio thread. Allocates only where somebody listens.
    func deliver(_ samples: ArraySlice<Int16>, _ format: AudioFormat, at: MonotonicInstant) {
        guard hasListeners.load(ordering: .acquiring) else { return }
        let block = SoundBlock(format: format, samples: Array(samples), at: at)
        for outlet in state.withLock({ Array($0.outlets.values) }) { outlet.yield(block) }
    }
}

extension Call {
    /// The sound of everybody else as it is played, in this and every later session. A slow observer loses what is older
    /// than ten seconds.
    public var remoteAudio: AsyncStream<SoundBlock> { sound.stream() }
}
