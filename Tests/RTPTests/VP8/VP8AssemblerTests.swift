import Media
import TestSupport
import Testing

@testable import RTP

@Suite("VP8 assembly")
struct VP8AssemblerTests {
    /// Sends pictures of a length each and takes out what is whole.
    struct Line {
        var packetizer = VP8PacketizerTests.packetizer()
        var assembler = VP8Assembler(reorderWait: .milliseconds(50))
        var now = MonotonicInstant(nanoseconds: 1_000_000_000)
        var sent = 0

        mutating func packets(_ count: Int = 3000, isKeyframe: Bool = false) -> [RTPPacket] {
            sent += 1
            return packetizer.packets(VP8PacketizerTests.picture(count, isKeyframe: isKeyframe), ticks: 3000)
        }

        mutating func give(_ packets: some Sequence<RTPPacket>) -> [VP8AssembledFrame] {
            var frames: [VP8AssembledFrame] = []
            for packet in packets {
                assembler.receive(packet, now: now)
                frames += taken()
            }
            return frames
        }

        mutating func taken() -> [VP8AssembledFrame] {
            var frames: [VP8AssembledFrame] = []
            while let frame = assembler.frame(now: now) { frames.append(frame) }
            return frames
        }

        mutating func wait(_ duration: Duration) -> [VP8AssembledFrame] {
            now = now + duration
            return taken()
        }
    }

    @Test("Pictures come out whole and in order, over the wrap of the numbers")
    func order() {
        var line = Line()
        let sizes = [20_000, 1, 500, 3000, 1184]
        for (index, size) in sizes.enumerated() {
            let frames = line.give(line.packets(size, isKeyframe: index == 0))
            #expect(frames.map(\.bytes) == [VP8PacketizerTests.picture(size, isKeyframe: index == 0)])
            #expect(frames.first?.isKeyframe == (index == 0))
            #expect(frames.first?.pictureID == (0x7FFF + index) & 0x7FFF)
        }
        #expect(line.assembler.statistics.lost == 0 && line.assembler.deadline == nil)
    }

    @Test("Packets in any order make the same pictures", arguments: 0..<20)
    func reordered(_ seed: UInt64) {
        var line = Line()
        var packets = line.packets(9000, isKeyframe: true)
        for _ in 0..<5 { packets += line.packets(4000) }
        var generator = SeededGenerator(seed: seed)
        let frames = line.give(packets.shuffled(using: &generator) + packets.shuffled(using: &generator))
        #expect(frames.map(\.bytes.count) == [9000, 4000, 4000, 4000, 4000, 4000])
        #expect(line.assembler.statistics.late == Int64(packets.count), "each came twice")
        #expect(line.assembler.statistics.lost == 0)
    }

    @Test("What comes before the first keyframe is passed over")
    func beginning() {
        var line = Line()
        #expect(line.give(line.packets()).isEmpty)
        #expect(line.assembler.needsKeyframe)
        #expect(line.give(line.packets(isKeyframe: true)).count == 1)
        #expect(!line.assembler.needsKeyframe)
        #expect(line.assembler.statistics.lost == 0)
    }

    @Test("A lost packet is waited for; then only a keyframe goes on")
    func loss() {
        var line = Line()
        _ = line.give(line.packets(isKeyframe: true))
        let hurt = line.packets()
        #expect(line.give(hurt.prefix(1)).isEmpty)
        #expect(line.assembler.deadline == nil, "nothing is known to be missing")
        #expect(line.give(hurt.suffix(1)).isEmpty)
        #expect(line.assembler.deadline == line.now + .milliseconds(50))
        #expect(line.give(line.packets()).isEmpty)
        #expect(line.wait(.milliseconds(49)).isEmpty && !line.assembler.needsKeyframe)
        #expect(line.wait(.milliseconds(1)).isEmpty && line.assembler.needsKeyframe)
        #expect(line.assembler.deadline == nil)
        #expect(line.give(line.packets()).isEmpty)
        #expect(line.give(line.packets(isKeyframe: true)).map(\.isKeyframe) == [true])
        #expect(line.give(line.packets()).count == 1)
        #expect(line.assembler.statistics.lost == 1)
    }

    @Test("A packet that comes within the wait mends the gap, and each gap has its own wait")
    func mended() {
        var line = Line()
        _ = line.give(line.packets(isKeyframe: true))
        let (first, second) = (line.packets(), line.packets())
        _ = line.give([first[0], first[2]] + [second[0], second[2]])
        #expect(line.wait(.milliseconds(40)).isEmpty)
        #expect(line.give([first[1]]).count == 1)
        #expect(line.wait(.milliseconds(40)).isEmpty && !line.assembler.needsKeyframe)
        #expect(line.give([second[1]]).count == 1)
        #expect(line.assembler.statistics.lost == 0)
    }

    @Test(
        "What was given up and comes before anything was dropped goes on without a keyframe, and is waited for longer")
    func lateRetransmission() {
        var line = Line()
        _ = line.give(line.packets(isKeyframe: true))
        let (first, second) = (line.packets(), line.packets())
        _ = line.give([first[0], first[2]] + second)
        #expect(line.wait(.milliseconds(50)).isEmpty && line.assembler.needsKeyframe)
        line.now = line.now + .milliseconds(70)
        #expect(line.give([first[1]]).count == 2)
        #expect(!line.assembler.needsKeyframe)
        #expect(line.assembler.reorderWait == .milliseconds(150), "a quarter more than it took")
        let third = line.packets()
        #expect(line.give([third[0], third[2]]).isEmpty)
        #expect(line.wait(.milliseconds(149)).isEmpty && !line.assembler.needsKeyframe)
        #expect(line.give([third[1]]).count == 1)
        #expect(line.assembler.reorderWait < .milliseconds(150), "it shrinks again")
        #expect(line.assembler.statistics.lost == 0)
    }

    @Test("After a picture that could not be decoded, a gap that is mended does not go on")
    func noResumption() {
        var line = Line()
        _ = line.give(line.packets(isKeyframe: true))
        let hurt = line.packets()
        _ = line.give([hurt[0], hurt[2]])
        #expect(line.wait(.milliseconds(50)).isEmpty)
        line.assembler.waitForKeyframe()
        #expect(line.give([hurt[1]]).isEmpty)
        #expect(line.give(line.packets()).isEmpty)
        #expect(line.give(line.packets(isKeyframe: true)).count == 1)
    }

    @Test("A whole picture that is lost is told by the gap in the numbers")
    func lostPicture() {
        var line = Line()
        _ = line.give(line.packets(isKeyframe: true))
        _ = line.packets()
        #expect(line.give(line.packets()).isEmpty)
        #expect(line.wait(.milliseconds(50)).isEmpty && line.assembler.needsKeyframe)
        let frames = line.give(line.packets(isKeyframe: true))
        #expect(frames.count == 1 && line.assembler.statistics.lost == 3)
    }

    @Test("A keyframe that waits behind a gap is taken once the gap is given up")
    func keyframeBehindGap() {
        var line = Line()
        _ = line.give(line.packets(isKeyframe: true))
        _ = line.packets()
        #expect(line.give(line.packets(isKeyframe: true)).isEmpty)
        #expect(line.give(line.packets()).isEmpty)
        #expect(line.wait(.milliseconds(50)).map(\.isKeyframe) == [true, false])
    }

    @Test("A sender that begins anew, by name or by number, is followed from its keyframe on")
    func restart() {
        var line = Line()
        _ = line.give(line.packets(isKeyframe: true))
        line.packetizer = VP8Packetizer(ssrc: 8, start: RTPStart(sequenceNumber: 5, timestamp: 9))
        #expect(line.give(line.packets()).isEmpty)
        #expect(line.give(line.packets(isKeyframe: true)).count == 1)
        line.packetizer = VP8Packetizer(ssrc: 8, start: RTPStart(sequenceNumber: 30_000, timestamp: 9))
        #expect(line.give(line.packets(isKeyframe: true)).count == 1)
        #expect(line.give(line.packets()).count == 1)
    }

    @Test("Padding between pictures takes numbers and nothing else")
    func padding() {
        var line = Line()
        var packets = line.packets(isKeyframe: true) + line.packets() + line.packets()
        // The middle picture's packets become probes.
        for index in 3..<6 {
            packets[index].payload = []
            packets[index].marker = false
            packets[index].paddingCount = 200
        }
        #expect(line.give(packets).count == 2)
    }

    @Test("Pictures whose markers were left out end where the next begins")
    func noMarker() {
        var line = Line()
        var packets = line.packets(isKeyframe: true) + line.packets() + line.packets()
        for index in packets.indices { packets[index].marker = false }
        #expect(line.give(packets).count == 2)
    }

    @Test("A picture without its beginning is not made")
    func noStart() {
        var line = Line()
        _ = line.give(line.packets(isKeyframe: true))
        var packets = line.packets()
        packets[0].payload[0] &= ~0x10
        #expect(line.give(packets).isEmpty)
        #expect(line.assembler.needsKeyframe)
    }

    @Test("More packets than the window holds end the wait")
    func window() {
        var line = Line()
        _ = line.give(line.packets(isKeyframe: true))
        _ = line.packets()
        for _ in 0..<400 { #expect(line.give(line.packets()).isEmpty) }
        #expect(line.assembler.needsKeyframe)
        // Two thousand and more while there is no keyframe: memory stays bounded, the next keyframe is found.
        for _ in 0..<800 { _ = line.give(line.packets()) }
        #expect(line.give(line.packets(isKeyframe: true)).count == 1)
    }

    @Test("Random loss, doubling, damage and order never give a picture that was not sent", arguments: 0..<30)
    func random(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var line = Line()
        var frames: [VP8AssembledFrame] = []
        var held: [RTPPacket] = []
        for number in 0..<80 {
            let isKeyframe = number % 10 == 0 || line.assembler.needsKeyframe && Bool.random(using: &generator)
            held += line.packets(.random(in: 1...3000, using: &generator), isKeyframe: isKeyframe)
            held.removeAll { _ in Int.random(in: 0..<40, using: &generator) == 0 }
            if let copy = held.randomElement(using: &generator) { held.append(copy) }
            if Int.random(in: 0..<20, using: &generator) == 0, var bad = held.last {
                let payloads: [[UInt8]] = [[0x80], [0x10], [0x90, 0x80], [0x90, 0x80, 0x80]]
                bad.payload = payloads.randomElement(using: &generator) ?? [0x80]
                bad.sequenceNumber = bad.sequenceNumber + .random(in: -3...3, using: &generator)
                held.append(bad)
            }
            held.shuffle(using: &generator)
            let kept = Int.random(in: 0...min(4, held.count), using: &generator)
            frames += line.give(held.dropLast(kept))
            held = Array(held.suffix(kept))
            line.now = line.now + .milliseconds(33)
            frames += line.taken()
        }
        for frame in frames {
            #expect(frame.bytes == VP8PacketizerTests.picture(frame.bytes.count, isKeyframe: frame.isKeyframe))
        }
        #expect(frames.count > 10)
        let timestamps = frames.map(\.timestamp)
        #expect(zip(timestamps, timestamps.dropFirst()).allSatisfy { $1.isNewer(than: $0) })
    }
}
