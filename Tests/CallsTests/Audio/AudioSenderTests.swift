import Codecs
import Media
import RTP
import TestSupport
import Testing

@testable import Calls

@Suite("AudioSender")
struct AudioSenderTests {
    let tone = Tone()

    @Test("Nothing captured before the session gets into a packet, not even part of a block")
    func stale() throws {
        let bench = try AudioBench(notBefore: MonotonicInstant(nanoseconds: 1_000_025_000_000))
        // Three blocks of 10 ms that end at 10, 20 and 30 ms: the third is stale for its first half.
        for step in 0..<3 {
            bench.clock.advance(by: .milliseconds(10))
            bench.capture(Tone(hertz: 5000).samples(from: step * 480, count: 480))
        }
        bench.sender.pump()
        #expect(bench.sender.statistics.droppedStale == 960)
        #expect(bench.sender.statistics.packets == 0)
        for _ in 0..<2 {
            bench.clock.advance(by: .milliseconds(10))
            bench.capture(tone.samples(from: 0, count: 480))
        }
        bench.sender.pump()
        // One more than 1,200: the sample that was being captured at the instant.
        let statistics = bench.sender.statistics
        #expect(statistics.droppedStale == 1201)
        #expect(statistics.framesIn == 960)
        #expect(statistics.packets == 1)
        #expect(statistics.firstPacketAt == bench.clock.now)
    }

    @Test("A muted microphone sends nothing, is measured still, and comes back with a marker at its time")
    func mute() throws {
        let bench = try AudioBench()
        for step in 0..<10 { bench.step(tone.samples(from: step * 480, count: 480)) { _ in [] } }
        let before = bench.sender.statistics
        #expect(before.packets == 5)
        bench.sender.isMuted = true
        for step in 0..<10 { bench.step(tone.samples(from: step * 480, count: 480)) { _ in [] } }
        #expect(bench.sender.statistics.packets == 5)
        #expect(bench.sender.statistics.levelDBov > -12)
        bench.sender.isMuted = false
        let sent = Collected<RTPPacket>()
        for step in 0..<4 {
            bench.step(tone.samples(from: step * 480, count: 480)) { packets in
                for packet in packets { sent.append(packet) }
                return packets
            }
        }
        #expect(sent.values.map(\.marker) == [true, false])
        #expect(sent.values.map(\.sequenceNumber) == [105, 106])
        #expect(sent.values.map(\.timestamp.rawValue) == [14_600, 15_560])
    }

    @Test("The gain is applied, saturates, and shows in the level")
    func gain() throws {
        let bench = try AudioBench()
        bench.sender.gain = 4
        for step in 0..<20 { bench.step(tone.samples(from: step * 480, count: 480)) }
        #expect(bench.sender.statistics.peak > 0.99)
        #expect(bench.sender.statistics.levelDBov > -3)
        #expect(bench.sender.statistics.levelDBov <= 0)
        bench.sender.gain = -1
        for step in 0..<200 { bench.step(tone.samples(from: step * 480, count: 480)) }
        #expect(bench.sender.statistics.levelDBov < -60)
    }

    @Test("Silence costs few packets with DTX")
    func dtx() throws {
        var settings = OpusSettings()
        settings.dtx = true
        let bench = try AudioBench(settings: settings)
        for _ in 0..<400 { bench.step([Int16](repeating: 0, count: 480)) }
        // 200 frames: libopus sends some before it is sure, then one every 400 ms.
        #expect(bench.sender.statistics.packets < 40)
        #expect(bench.sender.statistics.levelDBov == -127)
    }

    @Test("What was lost in capture is a gap in the timestamps, not in the sound")
    func gap() throws {
        let bench = try AudioBench()
        let sent = Collected<RTPPacket>()
        func step(isAfterGap: Bool = false) {
            bench.clock.advance(by: .milliseconds(10))
            bench.capture(tone.samples(from: 0, count: 480), isAfterGap: isAfterGap)
            bench.sender.pump()
            for packet in bench.packets.take() { sent.append(packet) }
        }
        for _ in 0..<3 { step() }
        bench.clock.advance(by: .milliseconds(30))
        step(isAfterGap: true)
        step()
        #expect(sent.values.map(\.timestamp.rawValue) == [5000, 7880])
        #expect(sent.values.map(\.marker) == [true, true])
    }

    @Test("A block as long as a frame, after a loss, is told after the loss: the sender does not wait for more of it")
    func wholeFrameAfterLoss() throws {
        let bench = try AudioBench()
        let tone = Tone()
        func step() {
            bench.clock.advance(by: .milliseconds(20))
            bench.capture(tone.samples(from: 0, count: 960))
        }
        step()
        bench.clock.advance(by: .milliseconds(100))
        step()
        var framer = AudioFramer(
            format: bench.capture.format, frameLength: 960, notBefore: MonotonicInstant(nanoseconds: 0))
        var steps: [AudioFramer.Step] = []
        for _ in 0..<4 {
            let step = framer.take(from: bench.capture)
            steps.append(step)
            if step == .frame { framer.next() }
        }
        #expect(steps == [.frame, .skipped(sampleFrames: 4800), .frame, .more])
    }

    @Test("The encoder follows the way out: fewer bits, longer packets, and back, with no sample lost")
    func adaptation() throws {
        let bench = try AudioBench()
        var position = 0
        func second() -> [RTPPacket] {
            for _ in 0..<100 {
                bench.clock.advance(by: .milliseconds(10))
                bench.capture(tone.samples(from: position, count: 480))
                position += 480
                bench.sender.pump()
            }
            return bench.packets.take()
        }
        func bits(_ packets: [RTPPacket]) -> Int { packets.reduce(0) { $0 + $1.payload.count * 8 } }
        let usual = second()
        bench.sender.adapt(to: .init(bitrate: 12_000, expectedLossPercent: 10, frameSampleFrames: 2880))
        let narrow = second()
        bench.sender.adapt(to: .init(bitrate: 32_000, expectedLossPercent: 0, frameSampleFrames: 960))
        let wide = second()
        #expect(usual.count == 50 && (16...17).contains(narrow.count))
        #expect((9_000...16_000).contains(bits(narrow)), "\(bits(narrow)) b/s")
        #expect(bits(wide) > bits(narrow) * 2)
        let all = usual + narrow + wide
        for (packet, next) in zip(all, all.dropFirst()) {
            let length = try #require(OpusPayload.ticks(of: packet.payload))
            #expect(next.timestamp.rawValue &- packet.timestamp.rawValue == UInt32(length))
        }
    }

    @Test("The first block of each device is told once, also before anything is sent")
    func firstBlock() throws {
        let bench = try AudioBench()
        let calls = Collected<Int>()
        bench.sender.onFirstBlock = { calls.append(1) }
        bench.sender.soundCaptured()
        #expect(calls.values == [])
        bench.clock.advance(by: .milliseconds(10))
        bench.capture(tone.samples(from: 0, count: 120))
        bench.sender.soundCaptured()
        bench.sender.soundCaptured()
        #expect(calls.values == [1])
        #expect(bench.sender.statistics.firstBlockAt == bench.clock.now)
        #expect(bench.sender.onFirstBlock == nil)
        // What the first device left in the ring is not the second device's first block.
        bench.sender.onFirstBlock = { calls.append(2) }
        bench.sender.soundCaptured()
        #expect(calls.values == [1])
        bench.capture(tone.samples(from: 0, count: 120))
        bench.sender.soundCaptured()
        #expect(calls.values == [1, 2])
    }

    @Test("A ring of another format is refused with the one that fits")
    func format() {
        let ring = AudioRing(format: AudioFormat(rate: 44_100, channels: 2), capacity: 4096)
        let error = #expect(throws: CodecError.self) {
            _ = try AudioSender(
                ring: ring, settings: OpusSettings(), ssrc: 1, notBefore: .init(nanoseconds: 0), now: { .now() }
            ) { _ in }
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.description.contains("48000") == true)
    }
}
