import CLinux
import Synchronization

/// What a synthetic speaker played: the sound that was in its ring, without the silence between.
///
/// - Thread: written by the speaker's, read by any. All memory is allocated at construction.
@safe
public final class SyntheticRecording: @unchecked Sendable {
    /// A piece of sound that was played in one go.
    public struct Block: Sendable, Hashable {
        /// Where its samples begin in ``SyntheticRecording/samples``.
        public var offset: Int
        public var sampleFrames: Int
        public var channels: Int
        /// As the ring told it.
        public var capturedAt: MonotonicInstant
        /// When its first sample left the speaker.
        public var playedAt: MonotonicInstant
        public var kind: AudioBlockKind
        public var isAfterGap: Bool

        @_noLocks
        init(
            offset: Int, sampleFrames: Int, channels: Int, capturedAt: MonotonicInstant, playedAt: MonotonicInstant,
            kind: AudioBlockKind, isAfterGap: Bool
        ) {
            self.offset = offset
            self.sampleFrames = sampleFrames
            self.channels = channels
            self.capturedAt = capturedAt
            self.playedAt = playedAt
            self.kind = kind
            self.isAfterGap = isAfterGap
        }
    }

    private let sampleCapacity: Int
    private let blockCapacity: Int
    private let storage: UnsafeMutablePointer<Int16>
    private let blockStorage: UnsafeMutablePointer<Block>
    private let sampleCount = Atomic<Int>(0)
    private let blockCount = Atomic<Int>(0)
    private let isCut = Atomic<Bool>(false)

    /// - `capacity`: samples that are kept; blocks of 1.25 ms at 48 kHz and longer fill it before the list of blocks.
    init(capacity: Int) {
        sampleCapacity = capacity
        blockCapacity = capacity / 60
        unsafe storage = .allocate(capacity: sampleCapacity)
        unsafe storage.initialize(repeating: 0, count: sampleCapacity)
        unsafe blockStorage = .allocate(capacity: blockCapacity)
    }

    deinit {
        unsafe storage.deallocate()
        unsafe blockStorage.deallocate()
    }

    /// Whether sound came after the recording was full.
    public var isFull: Bool { isCut.load(ordering: .acquiring) }

    /// All samples so far, interleaved.
    public var samples: [Int16] {
        let count = sampleCount.load(ordering: .acquiring)
        return unsafe Array(UnsafeBufferPointer(start: storage, count: count))
    }

    /// All blocks so far, in the order they were played.
    public var blocks: [Block] {
        let count = blockCount.load(ordering: .acquiring)
        return unsafe Array(UnsafeBufferPointer(start: blockStorage, count: count))
    }

    /// Speaker: adds what it read from its ring.
    @_noLocks @unsafe
    func add(_ samples: UnsafePointer<Int16>, _ read: AudioRingRead, channels: Int, playedAt: MonotonicInstant) {
        guard sampleCapacity > 0 else { return }
        let offset = sampleCount.load(ordering: .relaxed)
        let block = blockCount.load(ordering: .relaxed)
        let count = read.sampleFrames * channels
        guard offset + count <= sampleCapacity, block < blockCapacity else {
            isCut.store(true, ordering: .releasing)
            return
        }
        unsafe linux_copy_samples(storage + offset, samples, count)
        unsafe (blockStorage + block).initialize(
            to: Block(
                offset: offset, sampleFrames: read.sampleFrames, channels: channels, capturedAt: read.capturedAt,
                playedAt: playedAt, kind: read.kind, isAfterGap: read.isAfterGap))
        sampleCount.store(offset + count, ordering: .releasing)
        blockCount.store(block + 1, ordering: .releasing)
    }
}
