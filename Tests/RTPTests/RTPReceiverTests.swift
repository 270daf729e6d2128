import Media
import RTP
import Testing

@Suite("Receiver statistics (RFC 3550 A.1, A.3, A.8)")
struct RTPReceiverTests {
    private let start = MonotonicInstant(nanoseconds: 1_000_000_000_000)

    @Test("Expected, received and lost count over a wrap")
    func loss() {
        var receiver = RTPReceiver(clockRate: 48_000)
        for index in 0..<1000 where index % 10 != 3 {
            let packet = RTPPacket.sound(index)
            let at = start + .milliseconds(20 * index)
            #expect(receiver.receive(packet.sequenceNumber, packet.timestamp, at: at) == .accepted)
        }
        #expect(receiver.expected == 1000)
        #expect(receiver.received == 900)
        #expect(receiver.lost == 100)
        #expect(receiver.extendedHighest == 65_530 + 999)
        #expect(receiver.takeFractionLost() == 25, "100 of 1000 in 1/256")
        #expect(receiver.takeFractionLost() == 0, "nothing since")
    }

    @Test("A packet that comes twice makes loss negative, and the fraction 0")
    func duplicates() {
        var receiver = RTPReceiver(clockRate: 48_000)
        for _ in 0..<3 { _ = receiver.receive(5, 0, at: start) }
        #expect(receiver.lost == -2)
        #expect(receiver.takeFractionLost() == 0)
    }

    @Test("Jitter is that of A.8: even arrival has none, uneven arrival nears its mean deviation")
    func jitter() {
        var even = RTPReceiver(clockRate: 48_000)
        var uneven = even
        for index in 0..<500 {
            let packet = RTPPacket.sound(index)
            let at = start + .milliseconds(20 * index)
            _ = even.receive(packet.sequenceNumber, packet.timestamp, at: at)
            // Every other packet comes 5 ms late: each transit differs from the last by 240 ticks.
            _ = uneven.receive(
                packet.sequenceNumber, packet.timestamp, at: at + .milliseconds(index % 2 == 0 ? 0 : 5))
        }
        #expect(even.jitter.ticks == 0)
        #expect(abs(uneven.jitter.ticks - 240) <= 2)
        #expect(uneven.jitter.rate == 48_000)
    }

    @Test("Jitter does not notice that the timestamp wraps, nor that the machine has run for years")
    func jitterOverWrap() {
        var receiver = RTPReceiver(clockRate: 90_000)
        let start = MonotonicInstant(nanoseconds: 5 * 365 * 86_400 * 1_000_000_000)
        var timestamp: RTPTimestamp = 0xFFFF_0000
        for index in 0..<100 {
            _ = receiver.receive(
                SequenceNumber(rawValue: UInt16(index)), timestamp, at: start + .milliseconds(40 * index))
            timestamp = timestamp + 3600
        }
        #expect(receiver.jitter.ticks == 0)
    }

    @Test("One stray packet is rejected; a jump that goes on is a restart")
    func restart() {
        var receiver = RTPReceiver(clockRate: 48_000)
        #expect(receiver.receive(100, 0, at: start) == .accepted)
        #expect(receiver.receive(101, 960, at: start) == .accepted)
        #expect(receiver.receive(20_000, 0, at: start) == .rejected)
        #expect(receiver.receive(102, 1920, at: start) == .accepted)
        #expect(receiver.receive(40_000, 0, at: start) == .rejected)
        #expect(receiver.receive(40_001, 960, at: start) == .restarted)
        #expect(receiver.received == 1)
        #expect(receiver.expected == 1)
        #expect(receiver.receive(40_002, 960, at: start) == .accepted)
        #expect(receiver.lost == 0)
    }

    @Test("An unannounced stream is on probation until packets come in sequence")
    func probation() {
        var receiver = RTPReceiver(clockRate: 48_000, minimumSequential: 2)
        #expect(receiver.receive(10, 0, at: start) == .rejected)
        #expect(receiver.receive(12, 0, at: start) == .rejected)
        #expect(receiver.receive(13, 0, at: start) == .accepted)
        #expect(receiver.received == 1)
        #expect(receiver.expected == 1)
    }

    @Test("A reordered packet is accepted and heals the loss")
    func reorder() {
        var receiver = RTPReceiver(clockRate: 48_000)
        for number in [1, 2, 4, 3] as [UInt16] {
            #expect(receiver.receive(SequenceNumber(rawValue: number), 0, at: start) == .accepted)
        }
        #expect(receiver.lost == 0)
    }
}
