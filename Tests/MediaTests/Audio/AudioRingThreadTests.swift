import Media
import Synchronization
import Testing

/// One producer thread and one consumer thread: what the ring is for, and what ThreadSanitizer looks at.
@Suite("AudioRing between two threads", .timeLimit(.minutes(2)))
struct AudioRingThreadTests {
    private static let rate = 50_000  // 20 µs a sample frame: stamps are exact.

    @Test("every sample frame arrives once, in order, with its own stamp; what was refused is a marked gap")
    func passing() async {
        let format = AudioFormat(rate: Self.rate, channels: 2)
        let ring = AudioRing(format: format, capacity: 1024)
        let total = 200_000
        let faults = Mutex<[String]>([])
        let received = Atomic<Int>(0)
        let refused = Atomic<Int>(0)
        let producer = DeviceThread(name: "ring-producer") { _ in
            produce(total: total, into: ring, refused: refused)
        }
        let consumer = DeviceThread(name: "ring-consumer") { _ in
            let fault = consume(total: total, from: ring, received: received)
            if let fault { faults.withLock { $0.append(fault) } }
        }
        await producer.join()
        await consumer.join()
        #expect(faults.withLock { $0 } == [])
        #expect(received.load(ordering: .relaxed) + refused.load(ordering: .relaxed) == total)
        #expect(received.load(ordering: .relaxed) > 0)
        #expect(ring.fill == 0)
    }

    @Test("a third thread always reads a fill between nothing and the capacity")
    func fillFromAside() async {
        let ring = AudioRing(format: AudioFormat(), capacity: 64)
        let isOver = Atomic<Bool>(false)
        let outside = Atomic<Int>(0)
        let watcher = DeviceThread(name: "ring-watcher") { _ in
            while !isOver.load(ordering: .relaxed) {
                if !(0...64).contains(ring.fill) { outside.wrappingAdd(1, ordering: .relaxed) }
            }
        }
        let worker = DeviceThread(name: "ring-worker") { _ in
            for _ in 0..<20_000 {
                _ = ring.write([1, 2, 3], at: MonotonicInstant(nanoseconds: 0))
                _ = ring.read(3)
            }
            isOver.store(true, ordering: .relaxed)
        }
        await worker.join()
        await watcher.join()
        #expect(outside.load(ordering: .relaxed) == 0)
    }
}

/// The number of a sample frame in its two channels.
private func stamp(_ number: Int) -> (Int16, Int16) {
    (Int16(truncatingIfNeeded: number), Int16(truncatingIfNeeded: number >> 16))
}

private func produce(total: Int, into ring: AudioRing, refused: borrowing Atomic<Int>) {
    var number = 0
    var size = 1
    var isAfterGap = false
    while number < total {
        size = size % 97 + 1
        let count = min(size, total - number)
        let samples = (number..<number + count).flatMap { [stamp($0).0, stamp($0).1] }
        let at = MonotonicInstant(nanoseconds: Int64(number) * 20_000)
        // The last block must arrive: the consumer waits for it.
        let isLast = number + count == total
        repeat {
            if ring.write(samples, at: at, isAfterGap: isAfterGap) {
                isAfterGap = false
                break
            }
            if !isLast {
                isAfterGap = true
                refused.wrappingAdd(count, ordering: .relaxed)
            }
        } while isLast
        number += count
    }
}

/// Returns what was wrong.
private func consume(total: Int, from ring: AudioRing, received: borrowing Atomic<Int>) -> String? {
    var expected = 0
    var maximum = 1
    while expected < total {
        maximum = maximum % 61 + 1
        let (samples, read) = ring.read(maximum)
        if read.sampleFrames == 0 { continue }
        let number = Int(read.capturedAt.nanoseconds / 20_000)
        if read.isAfterGap != (number != expected) {
            return "at \(expected): sample frame \(number), gap flag \(read.isAfterGap)"
        }
        for offset in 0..<read.sampleFrames {
            let (low, high) = stamp(number + offset)
            if samples[2 * offset] != low || samples[2 * offset + 1] != high {
                return "sample frame \(number + offset) holds something else"
            }
        }
        received.wrappingAdd(read.sampleFrames, ordering: .relaxed)
        expected = number + read.sampleFrames
    }
    return nil
}
