import Codecs
import Media
import RTP
import Rooms
import TestSupport
import Testing

@testable import Calls

@Suite("Sound over a bad network")
struct AudioNetworkTests {
    let tone = Tone()

    @Test(
        "Lost packets are concealed and counted; sound never breaks off",
        arguments: [1, 2, UInt64.random(in: 0...UInt64.max)])
    func loss(seed: UInt64) throws {
        var settings = OpusSettings()
        settings.expectedPacketLoss = 10
        let bench = try AudioBench(settings: settings)
        bench.receiver.addTrack(AudioBench.track)
        var random = SeededGenerator(seed: seed)
        var dropped = 0
        for step in 0..<500 {
            bench.step(tone.samples(from: step * 480, count: 480)) { packets in
                // The first and the last arrive: what is lost beyond them nobody can know of.
                let kept = packets.filter { _ in
                    step < 10 || step > 480 || Int.random(in: 0..<100, using: &random) >= 10
                }
                dropped += packets.count - kept.count
                return kept
            }
        }
        let statistics = try #require(bench.receiver.statistics[AudioBench.track])
        #expect(statistics.lost == dropped, "seed \(seed)")
        #expect(dropped == 0 || statistics.concealed > 0, "seed \(seed)")
        #expect(!bench.kinds.values.contains(.silence), "seed \(seed)")
        // From the first packet on no period was short of sound.
        let played = bench.played.values
        #expect(amplitude(of: 1000, in: played[48_000...]) > 0.25, "seed \(seed)")
        let silentPeriods = stride(from: 9600, to: played.count, by: 480).count { start in
            played[start..<start + 480].allSatisfy { $0 == 0 }
        }
        #expect(silentPeriods == 0, "seed \(seed)")
    }

    @Test(
        "Packets out of order and twice make no loss and no break",
        arguments: [3, 4, UInt64.random(in: 0...UInt64.max)]
    )
    func reorder(seed: UInt64) throws {
        let bench = try AudioBench()
        bench.receiver.addTrack(AudioBench.track)
        var random = SeededGenerator(seed: seed)
        var held: [RTPPacket] = []
        for step in 0..<500 {
            bench.step(tone.samples(from: step * 480, count: 480)) { packets in
                var now = packets
                // Every so often a packet comes after the one behind it.
                if !held.isEmpty, !packets.isEmpty {
                    now += held
                    held = []
                } else if !packets.isEmpty, step > 20, Int.random(in: 0..<10, using: &random) == 0 {
                    held = now
                    return []
                }
                if Int.random(in: 0..<5, using: &random) == 0 { now += packets }
                return now
            }
        }
        let statistics = try #require(bench.receiver.statistics[AudioBench.track])
        #expect(statistics.lost <= held.count, "seed \(seed)")
        let played = bench.played.values
        #expect(amplitude(of: 1000, in: played[96_000...]) > 0.3, "seed \(seed)")
    }

    @Test("Numbers and timestamps that wrap in mid stream are not noticed")
    func wrap() throws {
        let bench = try AudioBench(
            start: RTPStart(sequenceNumber: 65_530, timestamp: RTPTimestamp(rawValue: UInt32.max - 9000)))
        bench.receiver.addTrack(AudioBench.track)
        for step in 0..<100 { bench.step(tone.samples(from: step * 480, count: 480)) }
        let statistics = try #require(bench.receiver.statistics[AudioBench.track])
        #expect(statistics.lost == 0)
        #expect(statistics.concealed == 0)
        #expect(statistics.packets == 50)
        #expect(statistics.jitter < .milliseconds(1))
    }

    @Test("After a stall of the network the delay is back where it was within a second")
    func burst() throws {
        let bench = try AudioBench()
        bench.receiver.addTrack(AudioBench.track)
        var held: [RTPPacket] = []
        for step in 0..<300 {
            // A chirp of one loud frame tells when what was captured is heard.
            bench.step(
                step == 260 ? tone.samples(from: 0, count: 480) : Tone(amplitude: 0.01).samples(from: 0, count: 480)
            ) {
                packets in
                guard (100..<130).contains(step) else {
                    defer { held = [] }
                    return held + packets
                }
                held += packets
                return []
            }
        }
        let heard = try #require(bench.played.values[120_000...].firstIndex { abs(Int($0)) > 5000 })
        // Captured as block 260, which began to be captured at 260 × 480; 20 ms framing, and what waits.
        #expect(heard - 260 * 480 < 48 * 120)
    }

    @Test("A microphone clock 0.05 % faster or slower than the speaker's costs no sound", arguments: [-10, 10])
    func drift(microseconds: Int) throws {
        let bench = try AudioBench()
        bench.receiver.addTrack(AudioBench.track)
        // 100 ms of 48 kHz by the microphone are 100 ms and some by the speaker.
        var written = 0
        var due = 0.0
        for _ in 0..<3000 {
            due += 480 * (1 + Double(microseconds) * 5e-5)
            let count = Int(due) - written
            bench.step(tone.samples(from: written, count: count))
            written += count
        }
        let kinds = bench.kinds.values
        #expect(kinds.count { $0 == .concealed } * 1000 <= kinds.count)
        let played = bench.played.values
        let silentPeriods = stride(from: 48_000, to: played.count, by: 480).count { start in
            played[start..<start + 480].allSatisfy { $0 == 0 }
        }
        #expect(silentPeriods == 0)
    }
}
