import Glibc
import Media
import Synchronization

/// Empties a capture ring on the device's thread, and keeps what was written in all each time it was called.
final class CountingDrain: AudioDrain {
    let ring = AudioRing(format: AudioFormat(), capacity: 96_000, wakeConsumerAt: .max)
    private let state = Mutex([Int]())
    private let target = Atomic(Int.max)
    private let reached = Completion()

    init() { ring.drain = self }

    var fills: [Int] { state.withLock { $0 } }

    func soundCaptured() {
        state.withLock { if $0.last != ring.totalWritten { $0.append(ring.totalWritten) } }
        ring.drainAll()
        if ring.totalWritten >= target.load(ordering: .acquiring) { reached.complete() }
    }

    /// Returns when so many sample frames have come. Once.
    func wait(frames: Int) async {
        target.store(frames, ordering: .releasing)
        await reached.wait()
    }
}

/// Gives 20 ms whenever it is asked for more than there is.
final class CountingFeed: AudioFeed {
    let ring = AudioRing(format: AudioFormat(), capacity: 9_600, wakeConsumerAt: .max)
    private let isLate: Bool
    private let state = Mutex((position: 0, asked: 0))

    /// - `isLate`: whether each 20 ms come only after they were asked for once, with a signal.
    init(isLate: Bool = false) {
        self.isLate = isLate
        ring.feed = self
    }

    /// Sample n of what it gives; never silence.
    static func sample(_ index: Int) -> Int16 { Int16(1 + index % 20_000) }

    func soundNeeded(_ sampleFrames: Int, by deadline: MonotonicInstant, isDue: Bool) -> Bool {
        guard ring.fill < sampleFrames else { return false }
        let (position, isFirst) = state.withLock { state in
            state.asked += 1
            return (state.position, state.asked % 2 == 1)
        }
        if isLate, isFirst, !isDue {
            ring.dataReady.signal()
            return true
        }
        let samples = (position..<position + 960).map(Self.sample)
        _ = unsafe samples.withUnsafeBufferPointer {
            unsafe ring.write($0.baseAddress!, sampleFrames: 960, capturedAt: .now())
        }
        state.withLock { $0.position = position + 960 }
        return false
    }
}
