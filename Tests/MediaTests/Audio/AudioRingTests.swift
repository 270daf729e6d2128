import Media
import TestSupport
import Testing

@Suite("AudioRing")
struct AudioRingTests {
    static let second = MonotonicInstant(nanoseconds: 1_000_000_000)

    @Test("the capacity is the next power of two")
    func capacity() {
        #expect(
            [1, 2, 3, 480, 512, 513].map { AudioRing(format: AudioFormat(), capacity: $0).capacity } == [
                1, 2, 4, 512, 512, 1024,
            ])
    }

    @Test("an empty ring gives nothing")
    func empty() {
        let ring = AudioRing(format: AudioFormat(), capacity: 8)
        let (samples, read) = ring.read(4)
        #expect(samples.isEmpty && read.sampleFrames == 0 && !read.isAudible && !read.isAfterGap)
        #expect(ring.fill == 0)
    }

    @Test("a block that does not fit is refused whole")
    func full() {
        let ring = AudioRing(format: AudioFormat(), capacity: 8)
        #expect(ring.write([1, 2, 3, 4, 5], at: Self.second))
        #expect(!ring.write([6, 7, 8, 9], at: Self.second))
        #expect(ring.fill == 5)
        #expect(ring.write([6, 7, 8], at: Self.second))
        #expect(ring.fill == 8)
        #expect(ring.readAll().flatMap(\.samples) == [1, 2, 3, 4, 5, 6, 7, 8])
        #expect(ring.totalWritten == 8)
    }

    @Test("an empty block is refused")
    func nothingToWrite() {
        let ring = AudioRing(format: AudioFormat(), capacity: 8)
        #expect(!ring.write([], at: Self.second))
    }

    @Test("at most 512 blocks are in the ring")
    func manyBlocks() {
        let ring = AudioRing(format: AudioFormat(), capacity: 1024)
        for index in 0..<512 { #expect(ring.write([Int16(index)], at: Self.second)) }
        #expect(!ring.write([512], at: Self.second))
        #expect(ring.read(1).samples == [0])
        #expect(ring.write([512], at: Self.second))
        #expect(ring.readAll().flatMap(\.samples) == (1...512).map { Int16($0) })
    }

    @Test("a read keeps to one block and stamps the part it takes")
    func parts() {
        let ring = AudioRing(format: AudioFormat(rate: 48_000, channels: 2), capacity: 1024)
        #expect(ring.write([1, -1, 2, -2, 3, -3], at: Self.second, kind: .concealed, isAfterGap: true))
        #expect(ring.write([4, -4], at: Self.second + .seconds(1), kind: .silence))
        let first = ring.read(2)
        #expect(first.samples == [1, -1, 2, -2])
        #expect(first.read.capturedAt == Self.second && first.read.isAfterGap && first.read.kind == .concealed)
        let rest = ring.read(5)
        #expect(rest.samples == [3, -3])
        // Two sample frames later, and the gap was before the first.
        #expect(rest.read.capturedAt == Self.second + .nanoseconds(41_666) && !rest.read.isAfterGap)
        let next = ring.read(5)
        #expect(next.samples == [4, -4] && next.read.capturedAt == Self.second + .seconds(1))
        #expect(next.read.kind == .silence && !next.read.isAudible)
    }

    @Test("drainAll throws away what is there, and what comes later is whole")
    func drainAll() {
        let ring = AudioRing(format: AudioFormat(), capacity: 16)
        ring.drainAll()
        #expect(ring.write([1, 2, 3], at: Self.second))
        #expect(ring.write([4, 5, 6], at: Self.second))
        #expect(ring.read(2).samples == [1, 2])
        ring.drainAll()
        #expect(ring.fill == 0)
        #expect(ring.write([7, 8], at: Self.second + .seconds(3)))
        let (samples, read) = ring.read(16)
        #expect(samples == [7, 8] && read.capturedAt == Self.second + .seconds(3))
    }

    @Test("dataReady is signalled from its fill on")
    func dataReady() {
        let ring = AudioRing(format: AudioFormat(), capacity: 16, wakeConsumerAt: 4)
        #expect(ring.write([1, 2, 3], at: Self.second))
        #expect(!ring.dataReady.drain())
        #expect(ring.write([4], at: Self.second))
        #expect(ring.dataReady.drain())
        ring.wakeConsumerAt = 0
        #expect(ring.write([5], at: Self.second))
        #expect(ring.dataReady.drain())
    }

    @Test("spaceReady is signalled from its fill down, by an empty read and by drainAll; never unless asked for")
    func spaceReady() {
        let ring = AudioRing(format: AudioFormat(), capacity: 16)
        #expect(ring.write([1, 2, 3, 4], at: Self.second))
        _ = ring.readAll()
        ring.drainAll()
        #expect(!ring.spaceReady.drain())

        ring.wakeProducerAt = 2
        #expect(ring.write([1, 2, 3, 4], at: Self.second))
        _ = ring.read(1)
        #expect(!ring.spaceReady.drain())
        _ = ring.read(1)
        #expect(ring.spaceReady.drain())
        _ = ring.readAll()
        #expect(ring.spaceReady.drain())
        _ = ring.read(1)
        #expect(ring.spaceReady.drain(), "the producer that had nothing before is asked again")
        #expect(ring.write([1], at: Self.second))
        ring.drainAll()
        #expect(ring.spaceReady.drain())
    }

    @Test("A signal from before anybody asked for its wake-up is kept, and there is one wake-up each")
    func wakeUpsOnDemand() {
        let ring = AudioRing(format: AudioFormat(), capacity: 16, wakeProducerAt: 2)
        #expect(ring.write([1, 2, 3, 4], at: Self.second))
        _ = ring.readAll()
        #expect(ring.dataReady.drain() && ring.spaceReady.drain())
        #expect(!ring.dataReady.drain() && !ring.spaceReady.drain())
        #expect(ring.dataReady === ring.dataReady && ring.dataReady !== ring.spaceReady)
    }

    @Test("whatever is written and read: samples in order, stamps exact, gaps where they were", arguments: 1...2)
    func properties(channels: Int) {
        var random = SeededGenerator.fromEnvironment("AudioRingTests.properties(\(channels))")
        let rates = [8_000, 16_000, 44_100, 48_000]
        for _ in 0..<40 {
            let format = AudioFormat(rate: rates.randomElement(using: &random)!, channels: channels)
            let ring = AudioRing(format: format, capacity: Int.random(in: 1...600, using: &random))
            var model = RingModel(format: format, capacity: ring.capacity)
            for _ in 0..<500 {
                switch Int.random(in: 0..<20, using: &random) {
                case 0..<9:
                    let count = Int.random(in: 1...max(1, ring.capacity * 2 / 3), using: &random)
                    let samples = (0..<count * channels).map { _ in Int16.random(in: .min ... .max, using: &random) }
                    let at = MonotonicInstant(nanoseconds: Int64.random(in: 0...1 << 60, using: &random))
                    let isAfterGap = Bool.random(using: &random)
                    let kind = [AudioBlockKind.sound, .concealed, .silence].randomElement(using: &random)!
                    let isWritten = ring.write(samples, at: at, kind: kind, isAfterGap: isAfterGap)
                    let isExpected = model.write(samples, at: at, kind: kind, isAfterGap: isAfterGap)
                    #expect(isWritten == isExpected)
                case 9..<19:
                    let maximum = Int.random(in: 0...ring.capacity, using: &random)
                    let (samples, read) = ring.read(maximum)
                    let expected = model.read(maximum)
                    #expect(samples == expected?.samples ?? [])
                    if let expected {
                        #expect(read.capturedAt == expected.at && read.kind == expected.kind)
                        #expect(read.isAfterGap == expected.isAfterGap)
                    }
                default:
                    ring.drainAll()
                    model.blocks = []
                }
                #expect(ring.fill == model.fill)
            }
        }
    }
}

/// What a ring should do, as simply as can be said.
struct RingModel {
    struct Block {
        var samples: [Int16]
        var at: MonotonicInstant
        var kind: AudioBlockKind
        var isAfterGap: Bool
        var taken = 0
    }

    let format: AudioFormat
    let capacity: Int
    var blocks: [Block] = []

    init(format: AudioFormat, capacity: Int) {
        self.format = format
        self.capacity = capacity
    }

    var fill: Int { blocks.reduce(0) { $0 + $1.samples.count / format.channels - $1.taken } }

    mutating func write(_ samples: [Int16], at: MonotonicInstant, kind: AudioBlockKind, isAfterGap: Bool) -> Bool {
        guard fill + samples.count / format.channels <= capacity, blocks.count < 512 else { return false }
        blocks.append(Block(samples: samples, at: at, kind: kind, isAfterGap: isAfterGap))
        return true
    }

    mutating func read(_ maximum: Int) -> Block? {
        guard maximum > 0, let block = blocks.first else { return nil }
        let end = min(block.samples.count / format.channels, block.taken + maximum)
        let part = Block(
            samples: Array(block.samples[block.taken * format.channels..<end * format.channels]),
            at: block.at + .nanoseconds(block.taken * 1_000_000_000 / format.rate), kind: block.kind,
            isAfterGap: block.isAfterGap && block.taken == 0)
        blocks[0].taken = end
        if end * format.channels == block.samples.count { blocks.removeFirst() }
        return part
    }
}
