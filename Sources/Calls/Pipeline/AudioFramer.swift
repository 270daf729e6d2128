import Media

/// Cuts the blocks of a capture ring into frames of one length, and keeps account of time: what is stale or was lost
/// is never mixed into what follows.
///
/// - Thread: the ring's consumer.
struct AudioFramer: Sendable {
    enum Step: Sendable, Hashable {
        /// A frame is complete, in ``samples``.
        case frame
        /// So many sample frames were lost or dropped: the next frame begins that much later.
        case skipped(sampleFrames: Int)
        /// The ring was read as far as there is.
        case more
    }

    /// The frame, interleaved.
    private(set) var samples: [Int16]
    /// Sample frames dropped because they were captured too early.
    private(set) var droppedStale = 0
    /// Sample frames read, without those dropped.
    private(set) var framesIn = 0
    /// Nothing captured before it gets into a frame.
    let notBefore: MonotonicInstant
    /// Sample frames of a frame.
    private(set) var length: Int
    /// What the next frame shall be long, where that is another length.
    private var nextLength: Int?
    private let format: AudioFormat
    private var filled = 0
    /// When the sample frame that comes next should have been captured.
    private var expectedAt: MonotonicInstant?

    /// - `frameLength`: sample frames of a frame.
    init(format: AudioFormat, frameLength: Int, notBefore: MonotonicInstant) {
        self.format = format
        length = frameLength
        self.notBefore = notBefore
        samples = Array(repeating: 0, count: frameLength * format.channels)
    }

    /// Multiplies the frame.
    mutating func apply(_ gain: inout AudioGain, _ target: Float) {
        var span = samples.mutableSpan
        gain.apply(target, to: &span)
    }

    /// Whether the frame is nothing but zeros.
    var isAllZero: Bool { !samples.contains { $0 != 0 } }

    /// A frame that is not from the ring begins at `time`: what comes next is expected after it.
    /// - Returns: sample frames between the frame before and that one.
    mutating func skip(to time: MonotonicInstant) -> Int {
        defer {
            filled = 0
            expectedAt = format.instant(length, after: time)
        }
        guard let expectedAt else { return filled }
        return filled + max(0, format.sampleFrames(in: time - expectedAt))
    }

    /// Sample frames that the frame still lacks.
    var missing: Int { length - filled }

    /// Takes one block, or what of it fits the frame.
    mutating func take(from ring: AudioRing) -> Step {
        // A block as long as a frame that comes after a loss completes one, and is told after the loss.
        guard missing > 0 else { return .frame }
        let at = filled * format.channels
        let room = missing
        let read = unsafe samples.withUnsafeMutableBufferPointer { samples in
            unsafe ring.read(into: samples.baseAddress! + at, maximum: room)
        }
        guard read.sampleFrames > 0 else { return .more }
        let stale = staleSampleFrames(read)
        droppedStale += stale
        guard stale < read.sampleFrames else { return .more }
        framesIn += read.sampleFrames - stale
        let skipped = stale > 0 ? 0 : lost(before: read)
        expectedAt = format.instant(read.sampleFrames, after: read.capturedAt)
        if stale > 0 || skipped > 0 {
            // A frame is sound without a hole: what was gathered before it goes with what was lost.
            let gathered = filled
            moveToFront(from: filled + stale, count: read.sampleFrames - stale)
            filled = read.sampleFrames - stale
            return gathered + skipped > 0 ? .skipped(sampleFrames: gathered + skipped) : complete()
        }
        filled += read.sampleFrames
        return complete()
    }

    /// Begins the next frame after a ``Step/frame``.
    mutating func next() {
        filled = 0
        if let length = nextLength.take() { resize(length) }
    }

    /// Changes the length of frames: of the one that is being filled where it fits, else of the next. Nothing that was
    /// gathered is lost.
    mutating func setLength(_ length: Int) {
        nextLength = filled < length ? nil : length
        if filled < length { resize(length) }
    }

    private mutating func resize(_ length: Int) {
        let count = length * format.channels
        if samples.count > count { samples.removeLast(samples.count - count) }
        if samples.count < count { samples += Array(repeating: 0, count: count - samples.count) }
        self.length = length
    }

    private func complete() -> Step { filled == length ? .frame : .more }

    private func staleSampleFrames(_ read: AudioRingRead) -> Int {
        guard read.capturedAt < notBefore else { return 0 }
        // Rounded up: the sample that was being captured at the instant is stale too.
        let early = notBefore - read.capturedAt
        guard early < format.duration(ofSampleFrames: read.sampleFrames) else { return read.sampleFrames }
        return min(read.sampleFrames, format.sampleFrames(in: early) + 1)
    }

    /// What was lost before a block. Stamps jitter, so less than a millisecond is no loss; a jump nobody told of is
    /// one from 50 ms on (another device took over).
    private func lost(before read: AudioRingRead) -> Int {
        guard let expectedAt else { return 0 }
        let gap = read.capturedAt.nanoseconds - expectedAt.nanoseconds
        guard gap > (read.isAfterGap ? 1_000_000 : 50_000_000) else { return 0 }
        return format.sampleFrames(in: .nanoseconds(gap))
    }

    private mutating func moveToFront(from first: Int, count: Int) {
        let channels = format.channels
        guard first > 0 else { return }
        for index in 0..<count * channels { samples[index] = samples[first * channels + index] }
    }
}
