import RTP
import TestSupport
import Testing

@Suite("RTCP (RFC 3550 §6, RFC 4585, RFC 5104, REMB)")
struct RTCPTests {
    @Test("A datagram says what its description says", arguments: RTCPFixture.all)
    func parsing(fixture: RTCPFixture) {
        let datagram = read(bytes(fixture.text))
        #expect(datagram.packets == fixture.packets)
        #expect(datagram.malformed == 0)
    }

    @Test("What is written is read again as it was, and fills whole words", arguments: RTCPFixture.all)
    func writing(fixture: RTCPFixture) {
        let (bytes, fits) = write(fixture.packets)
        #expect(!fits.contains(false))
        #expect(bytes.count % 4 == 0)
        #expect(read(bytes).packets == fixture.packets)
    }

    @Test(
        "Other than for feedback, whose chunks may be chosen, it is written byte for byte",
        arguments: RTCPFixture.all.filter { $0.name != RTCPFixture.feedback.name })
    func bytesWritten(fixture: RTCPFixture) {
        #expect(write(fixture.packets).bytes == bytes(fixture.text))
    }

    @Test(
        "Malformed packets are counted and cost only themselves",
        arguments: [
            ("three bytes", "80 c9 00", 0, 1),
            ("version 1", "40 c9 0001 00000001", 0, 1),
            ("longer than the datagram", "80 c9 0002 00000001", 0, 1),
            ("a block too few", "81 c9 0001 00000001  81 ce 0002 00000001 00000007", 1, 1),
            ("a sender report without its times", "80 c8 0001 00000001", 0, 1),
            ("an SDES item that overruns", "81 ca 0002 00000001 01 09 6162", 0, 1),
            ("an SDES without end", "81 ca 0002 00000001 01 02 6162", 0, 1),
            ("fewer sources than BYE counts", "82 cb 0001 00000001", 0, 1),
            ("a reason that overruns", "81 cb 0002 00000001 09 616263", 0, 1),
            ("a PLI without a stream", "81 ce 0001 00000001", 0, 1),
            ("REMB of more streams than there are", "8f ce 0004 00000001 00000000 52454d42 0107e800", 0, 1),
            ("feedback with too few chunks", "8f cd 0004 00000001 00000007 0000 0009 000000 00", 0, 1),
            ("feedback with too few deltas", "8f cd 0005 00000001 00000007 0000 0004 000000 00 2004 01 02", 0, 1),
            (
                "feedback with the symbol that is reserved",
                "8f cd 0005 00000001 00000007 0000 0001 000000 00 6001 0102", 0, 1
            ),
            ("feedback with an empty run", "8f cd 0005 00000001 00000007 0000 0001 000000 00 2000 0102", 0, 1),
            ("padding of 0", "a0 c9 0002 00000001 00000000", 0, 1),
            ("more padding than packet", "a0 c9 0001 000000ff", 0, 1),
            ("padding that is one", "a0 c9 0002 00000001 00000004", 1, 0),
        ] as [(String, String, Int, Int)])
    func malformed(name: String, text: String, packets: Int, malformed: Int) {
        let datagram = read(bytes(text))
        #expect(datagram.packets.count == packets)
        #expect(datagram.malformed == malformed)
    }

    @Test("A message of the application layer that is no REMB is carried")
    func otherApplicationLayer() {
        let datagram = read(bytes("8f ce 0003 00000001 00000000 41424344"))
        #expect(datagram.packets == [.unknown(type: 206, count: 15, body: bytes("00000001 00000000 41424344"))])
    }

    @Test(
        "A REMB's rate is rounded down to 18 bits, and one that 64 bits cannot hold is the largest",
        arguments: [0, 1, 262_143, 262_144, 262_145, 1_234_567_891, .max] as [UInt64])
    func rembRates(rate: UInt64) {
        let bytes = write([.remb(sender: 1, bitsPerSecond: rate, [])]).bytes
        guard case .remb(_, let rounded, _) = read(bytes).packets.first else {
            Issue.record("no REMB")
            return
        }
        #expect(rounded <= rate)
        #expect(rate - rounded <= rate >> 17)
        let huge = read(RTPTests.bytes("8f ce 0004 00000001 00000000 52454d42 00 ffffff"))
        #expect(huge.packets == [.remb(sender: 1, bitsPerSecond: .max, [])])
    }

    @Test("A packet that does not fit leaves the datagram as it was")
    func bounded() {
        let report = RTCPPacket.receiverReport(sender: 1, blocks: [])
        let (bytes, fits) = write(
            [report, .nack(sender: 1, media: 7, [1]), .pictureLoss(sender: 1, media: 7)], maximumBytes: 20)
        #expect(fits == [true, false, true])
        #expect(read(bytes).packets == [report, .pictureLoss(sender: 1, media: 7)])
        let uncountable = write([
            .receiverReport(sender: 1, blocks: Array(repeating: .init(ssrc: 1), count: 32)),
            .goodbye([], reason: String(repeating: "x", count: 256)), .nack(sender: 1, media: 7, []),
        ])
        #expect(uncountable.fits == [false, false, false])
        #expect(uncountable.bytes.isEmpty)
    }

    @Test("Feedback comes back as it was, whatever arrived", arguments: 1...20 as ClosedRange<UInt64>)
    func feedbackRoundTrip(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let loss = Double.random(in: 0...1, using: &generator)
        let large = Double.random(in: 0...0.5, using: &generator)
        for count in [1, 6, 7, 8, 13, 14, 15, 100, 9000, 20_000] {
            var isMissing = false
            let arrivals: [Int16?] = (0..<count).map { _ in
                // In bursts, so that runs come about as well.
                if Double.random(in: 0...1, using: &generator) < 0.3 {
                    isMissing = Double.random(in: 0...1, using: &generator) < loss
                }
                if isMissing { return nil }
                let isLarge = Double.random(in: 0...1, using: &generator) < large
                return isLarge ? .random(in: .min ... .max, using: &generator) : .random(in: 0...255, using: &generator)
            }
            let feedback = TransportFeedback(
                sender: 1, media: 2, first: SequenceNumber(rawValue: .random(in: .min ... .max, using: &generator)),
                referenceTime: .random(in: -0x80_0000...0x7F_FFFF, using: &generator), number: 9, arrivals: arrivals)
            let packets = read(write([.transportFeedback(feedback)]).bytes).packets
            #expect(packets == [.transportFeedback(feedback)], "seed \(seed), \(count) packets")
        }
    }

    @Test("Damaged datagrams never trap", arguments: 1...5 as ClosedRange<UInt64>)
    func damage(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            var bytes = RTPTests.bytes(RTCPFixture.all.randomElement(using: &generator)!.text)
            for _ in 0..<Int.random(in: 1...5, using: &generator) {
                bytes[.random(in: 0..<bytes.count, using: &generator)] = .random(in: .min ... .max, using: &generator)
            }
            bytes.removeLast(.random(in: 0..<bytes.count, using: &generator))
            let packets = read(bytes).packets
            _ = write(packets)
        }
    }

    @Test("Wall-clock time is counted from 1900")
    func wallClock() {
        let time = NTPTimestamp(nanosecondsSince1970: 1_500_000_000)
        #expect(time.rawValue == 2_208_988_801 << 32 | 1 << 31 as UInt64)
        #expect(time.middle == UInt32(truncatingIfNeeded: 2_208_988_801 << 16) + 0x8000)
    }
}
