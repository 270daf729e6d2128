import Media
import RTP
import Testing

@Suite("Sequence numbers and timestamps that wrap")
struct SequenceNumberTests {
    @Test(
        "Distance is the shorter way round",
        arguments: [
            (0, 1, 1), (1, 0, -1), (65_535, 0, 1), (0, 65_535, -1), (10, 32_777, 32_767), (10, 32_778, -32_768),
        ] as [(UInt16, UInt16, Int)])
    func distance(from: UInt16, to: UInt16, distance: Int) {
        let (a, b) = (SequenceNumber(rawValue: from), SequenceNumber(rawValue: to))
        #expect(a.distance(to: b) == distance)
        #expect(b.isNewer(than: a) == (distance > 0))
        #expect(a + distance == b)
    }

    @Test("Timestamps wrap after 2³² ticks")
    func timestamps() {
        let last = RTPTimestamp(rawValue: .max)
        #expect(last + 1 == 0)
        #expect(last.distance(to: 959) == 960)
        #expect((last + 1).isNewer(than: last))
        #expect(RTPTimestamp(959).distance(to: last) == -960)
        #expect(last.time(to: 47_999, rate: 48_000).duration == .seconds(1))
    }

    @Test("Extended counts go on over wraps, also for packets out of order")
    func extending() {
        var extender = SequenceExtender()
        #expect(extender.extend(65_534) == 65_534)
        #expect(extender.extend(0) == 65_536)
        #expect(extender.extend(65_535) == 65_535)
        #expect(extender.extend(1) == 65_537)
        #expect(extender.highest == Int64(65_537))
        var number: SequenceNumber = 1
        for _ in 0..<10 {
            number = number + 30_000
            _ = extender.extend(number)
        }
        #expect(extender.highest == Int64(365_537))
    }
}
