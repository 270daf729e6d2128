import Media
import RTP
import TestSupport
import Testing

@Suite("Jitter buffer")
struct JitterBufferTests {
    private func makeBuffer(startDelay: Duration = .zero, maximum: Duration = .milliseconds(400)) -> JitterBuffer {
        var settings = JitterBuffer.Settings()
        settings.startDelay = startDelay
        settings.maximumDelay = maximum
        return JitterBuffer(clockRate: 48_000, settings: settings)
    }

    @Test("The first packet is played at once; after it the buffer waits")
    func first() {
        var buffer = makeBuffer()
        #expect(buffer.next(isDue: true) == .idle)
        #expect(buffer.insert(.sound(0), ticks: 960) == .kept)
        #expect(buffer.next(isDue: false) == .play(.sound(0)))
        #expect(buffer.next(isDue: false) == .wait)
        #expect(buffer.isPlaying)
    }

    @Test("With a start delay playing begins when so much sound is here")
    func startDelay() {
        var buffer = makeBuffer(startDelay: .milliseconds(40))
        _ = buffer.insert(.sound(0), ticks: 960)
        #expect(buffer.next(isDue: true) == .idle)
        _ = buffer.insert(.sound(1), ticks: 960)
        #expect(buffer.next(isDue: true) == .play(.sound(0)))
        #expect(buffer.bufferedTicks == 960)
    }

    @Test("Reordered packets are played in order, over a wrap of sequence and timestamp")
    func reorder() {
        var buffer = makeBuffer(startDelay: .milliseconds(60))
        for index in [0, 2, 1, 5, 3, 4, 8, 9, 7, 6] { #expect(buffer.insert(.sound(index), ticks: 960) == .kept) }
        for index in 0..<10 { #expect(buffer.next(isDue: false) == .play(.sound(index))) }
    }

    @Test("Duplicates are told from packets that come too late")
    func duplicates() {
        var buffer = makeBuffer()
        _ = buffer.insert(.sound(0), ticks: 960)
        _ = buffer.next(isDue: true)
        #expect(buffer.insert(.sound(0), ticks: 960) == .duplicate)
        _ = buffer.insert(.sound(2), ticks: 960)
        #expect(buffer.insert(.sound(2), ticks: 960) == .duplicate)
        #expect(buffer.next(isDue: true) == .conceal(ticks: 960, next: .sound(2)))
        #expect(buffer.insert(.sound(1), ticks: 960) == .late)
        #expect(buffer.next(isDue: true) == .play(.sound(2)))
    }

    @Test("A missing packet is waited for until it is due, then concealed with the one after it at hand")
    func loss() {
        var buffer = makeBuffer()
        _ = buffer.insert(.sound(0), ticks: 960)
        _ = buffer.next(isDue: true)
        _ = buffer.insert(.sound(2), ticks: 960)
        #expect(buffer.next(isDue: false) == .wait)
        #expect(buffer.next(isDue: true) == .conceal(ticks: 960, next: .sound(2)))
        #expect(buffer.next(isDue: false) == .play(.sound(2)))
    }

    @Test("Of two packets missing only the second can be in the packet after them")
    func twoLost() {
        var buffer = makeBuffer()
        _ = buffer.insert(.sound(0), ticks: 960)
        _ = buffer.next(isDue: true)
        _ = buffer.insert(.sound(3), ticks: 960)
        #expect(buffer.next(isDue: true) == .conceal(ticks: 960, next: nil))
        #expect(buffer.next(isDue: true) == .conceal(ticks: 960, next: .sound(3)))
        #expect(buffer.next(isDue: true) == .play(.sound(3)))
    }

    @Test("A late packet has its place held and is played after all: the delay has grown")
    func late() {
        var buffer = makeBuffer()
        _ = buffer.insert(.sound(0), ticks: 960)
        _ = buffer.next(isDue: true)
        #expect(buffer.next(isDue: true, quantum: 480) == .conceal(ticks: 480, next: nil))
        #expect(buffer.insert(.sound(1), ticks: 960) == .kept)
        #expect(buffer.next(isDue: true) == .play(.sound(1)))
    }

    @Test("What was made up while waiting counts for the packet that turns out to be lost: the delay has not grown")
    func lostAfterHolding() {
        var buffer = makeBuffer()
        _ = buffer.insert(.sound(0), ticks: 960)
        _ = buffer.next(isDue: true)
        for _ in 0..<2 { #expect(buffer.next(isDue: true, quantum: 480) == .conceal(ticks: 480, next: nil)) }
        _ = buffer.insert(.sound(2), ticks: 960)
        #expect(buffer.next(isDue: true) == .play(.sound(2)))
    }

    @Test("Where half of a lost packet was made up already, the other half is")
    func halfHeld() {
        var buffer = makeBuffer()
        _ = buffer.insert(.sound(0), ticks: 960)
        _ = buffer.next(isDue: true)
        _ = buffer.next(isDue: true, quantum: 480)
        _ = buffer.insert(.sound(2), ticks: 960)
        #expect(buffer.next(isDue: true) == .conceal(ticks: 480, next: nil))
        #expect(buffer.next(isDue: true) == .play(.sound(2)))
    }

    @Test("Concealment ends after 100 ms; the stream then begins anew with the next packet")
    func pause() {
        var buffer = makeBuffer()
        _ = buffer.insert(.sound(0), ticks: 960)
        _ = buffer.next(isDue: true)
        for _ in 0..<10 { #expect(buffer.next(isDue: true, quantum: 480) == .conceal(ticks: 480, next: nil)) }
        #expect(buffer.next(isDue: true, quantum: 480) == .idle)
        #expect(!buffer.isPlaying)
        _ = buffer.insert(.sound(1, pause: 48_000), ticks: 960)
        #expect(buffer.next(isDue: false) == .play(.sound(1, pause: 48_000)))
    }

    @Test("A sender's short pause (DTX) lasts as long here")
    func shortPause() {
        var buffer = makeBuffer(startDelay: .milliseconds(20))
        _ = buffer.insert(.sound(0), ticks: 960)
        _ = buffer.insert(.sound(1, pause: 1920), ticks: 960)
        #expect(buffer.next(isDue: false) == .play(.sound(0)))
        #expect(buffer.next(isDue: false) == .conceal(ticks: 960, next: nil))
        #expect(buffer.next(isDue: false) == .conceal(ticks: 960, next: nil))
        #expect(buffer.next(isDue: false) == .play(.sound(1, pause: 1920)))
    }

    @Test("A gap of many packets, or a timestamp far ahead, is not filled")
    func longGap() {
        var buffer = makeBuffer()
        _ = buffer.insert(.sound(0), ticks: 960)
        _ = buffer.next(isDue: true)
        _ = buffer.insert(.sound(1000), ticks: 960)
        #expect(buffer.next(isDue: true) == .play(.sound(1000)))
        _ = buffer.insert(.sound(1001, pause: 1 << 30), ticks: 960)
        #expect(buffer.next(isDue: true) == .play(.sound(1001, pause: 1 << 30)))
        _ = buffer.insert(.sound(1002, pause: -5000), ticks: 960)
        #expect(buffer.next(isDue: true) == .play(.sound(1002, pause: -5000)), "a timestamp behind is played on")
    }

    @Test("No more is held than the maximum: the oldest goes, is counted, and what follows is played without a gap")
    func overflow() {
        var buffer = makeBuffer(maximum: .milliseconds(100))
        for index in 0..<20 { _ = buffer.insert(.sound(index), ticks: 960) }
        #expect(buffer.bufferedTicks == 4800)
        #expect(buffer.discarded == 15)
        for index in 15..<20 { #expect(buffer.next(isDue: false) == .play(.sound(index))) }
        #expect(buffer.insert(.sound(3), ticks: 960) == .duplicate)
    }

    @Test("Dropping catches up after a burst")
    func dropping() {
        var buffer = makeBuffer()
        for index in 0..<10 { _ = buffer.insert(.sound(index), ticks: 960) }
        #expect(buffer.next(isDue: false) == .play(.sound(0)))
        buffer.drop(downTo: 1920)
        #expect(buffer.next(isDue: false) == .play(.sound(8)))
        buffer.drop(downTo: 0)
        #expect(buffer.next(isDue: false) == .wait)
        #expect(buffer.discarded == 8)
    }

    @Test("After a reset any sequence begins a stream")
    func reset() {
        var buffer = makeBuffer()
        _ = buffer.insert(.sound(500), ticks: 960)
        _ = buffer.next(isDue: false)
        buffer.reset()
        #expect(buffer.next(isDue: true) == .idle)
        #expect(buffer.insert(.sound(0), ticks: 960) == .kept)
        #expect(buffer.next(isDue: false) == .play(.sound(0)))
    }

    @Test(
        "Under loss, reorder, duplicates and lateness: order holds, nothing plays twice, all time is accounted for",
        arguments: 1...20 as ClosedRange<UInt64>)
    func property(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var buffer = makeBuffer()
        var network: [(due: Int, index: Int)] = []
        var played: [Int] = []
        var made = 0
        for step in 0..<2000 {
            if Int.random(in: 0..<100, using: &generator) >= 5 {
                for _ in 0..<(Int.random(in: 0..<20, using: &generator) == 0 ? 2 : 1) {
                    let lateness = [0, 0, 0, 1, 2, 4].randomElement(using: &generator)!
                    network.append((step + lateness, step))
                }
            }
            for packet in network where packet.due == step { _ = buffer.insert(.sound(packet.index), ticks: 960) }
            network.removeAll { $0.due <= step }
            var needed = 960
            while needed > 0 {
                switch buffer.next(isDue: true) {
                case .play(let packet):
                    played.append(Int(packet.timestamp.rawValue &- 0xFFFF_F000) / 960)
                    needed -= 960
                case .conceal(let ticks, _):
                    made += ticks
                    needed -= ticks
                case .idle: needed = 0
                case .wait: Issue.record("seed \(seed): waiting though it is due")
                }
            }
        }
        #expect(zip(played, played.dropFirst()).allSatisfy { $0 < $1 }, "seed \(seed)")
        #expect(played.count > 1700, "seed \(seed)")
        #expect(made > 0, "seed \(seed)")
        #expect(buffer.bufferedTicks <= 19_200, "seed \(seed)")
    }
}
