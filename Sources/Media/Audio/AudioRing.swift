import CLinux
import Synchronization

/// What a block of sound in a ring is.
public enum AudioBlockKind: UInt8, Sendable {
    /// Captured from a microphone, or decoded from a packet.
    case sound
    /// Made up by the decoder for a packet that did not come.
    case concealed
    /// Silence of our own: nothing was there to play.
    case silence
}

/// A read from a ring.
public struct AudioRingRead: Sendable {
    /// Sample frames read, 0 where the ring was empty.
    public var sampleFrames: Int
    /// When the first of them was captured: on this machine's clock for a microphone's, the time of decoding for
    /// received sound.
    public var capturedAt: MonotonicInstant
    public var kind: AudioBlockKind
    /// Whether sound was lost just before them.
    public var isAfterGap: Bool

    /// Whether there is more in it than our own silence.
    public var isAudible: Bool {
        @_noLocks
        get {
            // `!=` would ask for the type's conformance at run time.
            if case .silence = kind { return false }
            return sampleFrames > 0
        }
    }

    @usableFromInline
    init(sampleFrames: Int, capturedAt: MonotonicInstant, kind: AudioBlockKind, isAfterGap: Bool) {
        self.sampleFrames = sampleFrames
        self.capturedAt = capturedAt
        self.kind = kind
        self.isAfterGap = isAfterGap
    }
}

/// A lock-free ring of interleaved S16 sample frames between one producer thread and one consumer thread, that keeps
/// the time each block was captured.
///
/// - Thread: `write` on one thread, `read` on one thread; the properties on any. Neither allocates or takes a lock.
/// - Memory: all is allocated at construction.
@safe
public final class AudioRing: @unchecked Sendable {
    private struct Block {
        var position: Int  // of its first sample frame
        var sampleFrames: Int
        var capturedAt: Int64
        var kind: AudioBlockKind
        var isAfterGap: Bool
    }

    public let format: AudioFormat
    /// Sample frames that fit: a power of two.
    public let capacity: Int
    /// Signalled by the producer when at least ``wakeConsumerAt`` sample frames are in the ring. Made when it is first asked
    /// for: before the period path begins.
    public var dataReady: Wakeup { dataSignal.value }
    /// Signalled by the consumer when at most ``wakeProducerAt`` sample frames are left in the ring. Made as ``dataReady``.
    public var spaceReady: Wakeup { spaceSignal.value }

    private let dataSignal = WakeupOnDemand()
    private let spaceSignal = WakeupOnDemand()
    private let samples: UnsafeMutablePointer<Int16>
    private let blocks: UnsafeMutablePointer<Block>
    private let blockCapacity = 512
    private struct Ends {
        weak var drain: (any AudioDrain)?
        weak var feed: (any AudioFeed)?
    }

    private let ends = Mutex(Ends())
    private let consumerThreshold: Atomic<Int>
    private let producerThreshold: Atomic<Int>
    // Written by the producer.
    private let written = Atomic<Int>(0)
    private let blocksWritten = Atomic<Int>(0)
    // Written by the consumer.
    private let consumed = Atomic<Int>(0)
    private let blocksConsumed = Atomic<Int>(0)

    /// - `capacity`: sample frames, rounded up to a power of two.
    /// - `wakeConsumerAt`: ``dataReady`` is signalled from this fill on (default: at every write).
    /// - `wakeProducerAt`: ``spaceReady`` is signalled from this fill down (default: never).
    public init(format: AudioFormat, capacity: Int, wakeConsumerAt: Int = 0, wakeProducerAt: Int = -1) {
        precondition(capacity > 0, "a ring holds something")
        self.format = format
        var size = 1
        while size < capacity { size *= 2 }
        self.capacity = size
        // Only what was written is ever read: filling it first would have a join wait for a page fault each 4 KiB.
        unsafe samples = .allocate(capacity: size * format.channels)
        unsafe blocks = .allocate(capacity: blockCapacity)
        consumerThreshold = Atomic(wakeConsumerAt)
        producerThreshold = Atomic(wakeProducerAt)
    }

    deinit {
        unsafe samples.deallocate()
        unsafe blocks.deallocate()
    }

    /// Sample frames in the ring now.
    public var fill: Int {
        @_noLocks
        get {
            // In this order: read the other way round by a third thread, what is consumed can be ahead of what was
            // written, and the fill negative.
            let consumed = consumed.load(ordering: .acquiring)
            let fill = written.load(ordering: .acquiring) - consumed
            return fill < capacity ? fill : capacity
        }
    }

    /// Sample frames that went in since the ring was made.
    public var totalWritten: Int {
        @_noLocks
        get { written.load(ordering: .acquiring) }
    }

    /// What takes captured sound out on the device's own thread. To be set before a device is started; not kept alive.
    public var drain: (any AudioDrain)? {
        get { ends.withLock { $0.drain } }
        set { ends.withLock { $0.drain = newValue } }
    }

    /// What puts sound in on the device's own thread. To be set before a device is started; not kept alive.
    public var feed: (any AudioFeed)? {
        get { ends.withLock { $0.feed } }
        set { ends.withLock { $0.feed = newValue } }
    }

    /// The fill from which ``dataReady`` is signalled; `Int.max` for never. Any thread.
    public var wakeConsumerAt: Int {
        get { consumerThreshold.load(ordering: .relaxed) }
        set { consumerThreshold.store(newValue, ordering: .relaxed) }
    }

    /// The fill down from which ``spaceReady`` is signalled. Any thread.
    public var wakeProducerAt: Int {
        get { producerThreshold.load(ordering: .relaxed) }
        set { producerThreshold.store(newValue, ordering: .relaxed) }
    }

    /// Consumer: signals ``spaceReady``, where the producer wants to be woken at all.
    @_noLocks
    public func askProducer() {
        if producerThreshold.load(ordering: .relaxed) >= 0 { spaceSignal.signal() }
    }

    /// Producer: adds a block.
    /// - `source`: interleaved, `sampleFrames × channels` values.
    /// - Returns: false where it does not fit, or where 512 blocks are in the ring; nothing of it is added then, and
    ///   the next block is to be marked as after a gap.
    @_noLocks @unsafe
    public func write(
        _ source: UnsafePointer<Int16>, sampleFrames: Int, capturedAt: MonotonicInstant,
        kind: AudioBlockKind = .sound, isAfterGap: Bool = false
    ) -> Bool {
        let position = written.load(ordering: .relaxed)
        let block = blocksWritten.load(ordering: .relaxed)
        let fillBefore = position - consumed.load(ordering: .acquiring)
        guard sampleFrames > 0, fillBefore + sampleFrames <= capacity,
            block - blocksConsumed.load(ordering: .acquiring) < blockCapacity
        else { return false }
        let channels = format.channels
        let start = position & (capacity - 1)
        let first = min(sampleFrames, capacity - start)
        unsafe linux_copy_samples(samples + start * channels, source, first * channels)
        unsafe linux_copy_samples(samples, source + first * channels, (sampleFrames - first) * channels)
        unsafe (blocks + (block & (blockCapacity - 1))).initialize(
            to: Block(
                position: position, sampleFrames: sampleFrames, capturedAt: capturedAt.nanoseconds, kind: kind,
                isAfterGap: isAfterGap))
        written.store(position + sampleFrames, ordering: .releasing)
        blocksWritten.store(block + 1, ordering: .releasing)
        if fillBefore + sampleFrames >= consumerThreshold.load(ordering: .relaxed) {
            dataSignal.signal()
        }
        return true
    }

    /// Consumer: takes up to `maximum` sample frames of one block; call again for the next. A read that finds nothing
    /// signals ``spaceReady`` too, so that a producer that had nothing to write before is asked again.
    /// - `destination`: room for `maximum × channels` values.
    @_noLocks @unsafe
    public func read(into destination: UnsafeMutablePointer<Int16>, maximum: Int) -> AudioRingRead {
        let index = blocksConsumed.load(ordering: .relaxed)
        guard maximum > 0, blocksWritten.load(ordering: .acquiring) > index else {
            askProducer()
            return AudioRingRead(
                sampleFrames: 0, capturedAt: MonotonicInstant(nanoseconds: 0), kind: .silence, isAfterGap: false)
        }
        let block = unsafe blocks[index & (blockCapacity - 1)]
        let position = consumed.load(ordering: .relaxed)
        let offset = position - block.position
        let count = min(maximum, block.sampleFrames - offset)
        let channels = format.channels
        let start = position & (capacity - 1)
        let first = min(count, capacity - start)
        unsafe linux_copy_samples(destination, samples + start * channels, first * channels)
        unsafe linux_copy_samples(destination + first * channels, samples, (count - first) * channels)
        if offset + count == block.sampleFrames { blocksConsumed.store(index + 1, ordering: .releasing) }
        consumed.store(position + count, ordering: .releasing)
        let left = written.load(ordering: .acquiring) - (position + count)
        if left <= producerThreshold.load(ordering: .relaxed) { spaceSignal.signal() }
        return AudioRingRead(
            sampleFrames: count,
            capturedAt: MonotonicInstant(
                nanoseconds: block.capturedAt + Int64(offset) * 1_000_000_000 / Int64(format.rate)),
            kind: block.kind, isAfterGap: block.isAfterGap && offset == 0)
    }

    /// Consumer: throws away what is in the ring.
    public func drainAll() {
        let upTo = blocksWritten.load(ordering: .acquiring)
        guard upTo > blocksConsumed.load(ordering: .relaxed) else { return }
        let last = unsafe blocks[(upTo - 1) & (blockCapacity - 1)]
        consumed.store(last.position + last.sampleFrames, ordering: .releasing)
        blocksConsumed.store(upTo, ordering: .releasing)
        askProducer()
    }
}
