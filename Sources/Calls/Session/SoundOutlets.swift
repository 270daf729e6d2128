public import Media
public import Rooms
import Synchronization

/// A piece of the sound that is played: what all remote tracks say, summed up, at the speaker's volume; or one of them.
public struct SoundBlock: Sendable, Hashable {
    /// Whose sound it is, as decoded; nil: all together, as played.
    public var track: TrackID?
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
    private struct Outlet {
        let continuation: AsyncStream<SoundBlock>.Continuation
        let hasVoices: Bool
    }

    private struct State {
        var outlets: [Int: Outlet] = [:]
        var next = 0
    }

    private let state = Mutex(State())
    // Without listeners, a block costs no more than a look at these.
    private let hasListeners = Atomic(false)
    private let voicesAreHeard = Atomic(false)

    /// - `hasVoices`: whether each track's blocks come too.
    func stream(hasVoices: Bool) -> AsyncStream<SoundBlock> {
        // Ten seconds in blocks of 10 ms, of several voices: who records waits for a disk now and then.
        let (stream, continuation) = AsyncStream.makeStream(
            of: SoundBlock.self, bufferingPolicy: .bufferingNewest(hasVoices ? 8000 : 1000))
        let key = state.withLock { state in
            state.next += 1
            state.outlets[state.next] = Outlet(continuation: continuation, hasVoices: hasVoices)
            look(state)
            return state.next
        }
        continuation.onTermination = { [weak self] _ in self?.remove(key) }
        return stream
    }

    private func remove(_ key: Int) {
        // Outside the lock: the last reference to a continuation may end its stream, which calls this again.
        let removed = state.withLock { state in
            defer { look(state) }
            return state.outlets.removeValue(forKey: key)
        }
        withExtendedLifetime(removed) {}
    }

    private func look(_ state: State) {
        hasListeners.store(!state.outlets.isEmpty, ordering: .releasing)
        voicesAreHeard.store(state.outlets.values.contains(where: \.hasVoices), ordering: .releasing)
    }

    /// Whether somebody wants each track's blocks.
    var wantsVoices: Bool { voicesAreHeard.load(ordering: .acquiring) }

    /// From the audio thread. Allocates only where somebody listens.
    func deliver(_ samples: ArraySlice<Int16>, _ format: AudioFormat, of track: TrackID? = nil, at: MonotonicInstant) {
        guard hasListeners.load(ordering: .acquiring) else { return }
        let block = SoundBlock(track: track, format: format, samples: Array(samples), at: at)
        for outlet in state.withLock({ Array($0.outlets.values) }) where track == nil || outlet.hasVoices {
            outlet.continuation.yield(block)
        }
    }
}

extension Call {
    /// The sound of everybody else as it is played, in this and every later session. A slow observer loses what is older
    /// than ten seconds.
    public var remoteAudio: AsyncStream<SoundBlock> { sound.stream(hasVoices: false) }

    /// The sound of each of the others, and what it is together: of every block that is played first a block of each track
    /// that has a part in it, as long and before the speaker's volume, then the block as ``remoteAudio`` has it. In this
    /// and every later session; a slow observer loses what is older than 8,000 blocks.
    public var remoteVoices: AsyncStream<SoundBlock> { sound.stream(hasVoices: true) }
}
