import Codecs
import Media
import RTP
import Rooms
import TestSupport
import Testing

@testable import Calls

@Suite("AudioReceiver")
struct AudioReceiverTests {
    @Test("A voice that pauses is made up for a moment, then nothing is written, and it comes back")
    func pause() throws {
        let bench = try AudioBench()
        bench.receiver.addTrack(AudioBench.track)
        let tone = Tone()
        for step in 0..<50 { bench.step(tone.samples(from: step * 480, count: 480)) }
        bench.sender.isMuted = true
        for step in 0..<50 { bench.step(tone.samples(from: step * 480, count: 480)) }
        let written = bench.playback.totalWritten
        for step in 0..<50 { bench.step(tone.samples(from: step * 480, count: 480)) }
        #expect(bench.playback.totalWritten == written)
        let statistics = try #require(bench.receiver.statistics[AudioBench.track])
        #expect(statistics.levelDBov == -127)
        #expect((1...12).contains(statistics.concealed))
        #expect(!bench.receiver.pump(480, by: bench.clock.now, isDue: false), "nothing is waited for")
        bench.sender.isMuted = false
        for step in 0..<50 { bench.step(tone.samples(from: step * 480, count: 480)) }
        #expect(amplitude(of: 1000, in: bench.played.values.suffix(9600)) > 0.4)
    }

    @Test("Two voices are heard at once; their sum is held at the limit")
    func mix() throws {
        let (low, high) = (try AudioBench(), try AudioBench())
        let other = TrackID(sessionID: "third", kind: .audio)
        low.receiver.addTrack(AudioBench.track)
        low.receiver.addTrack(other)
        for step in 0..<150 {
            high.step(Tone(hertz: 2000, amplitude: 0.9).samples(from: step * 480, count: 480)) { packets in
                for packet in packets { low.receiver.receive(packet, track: other) }
                return []
            }
            low.step(Tone(hertz: 500, amplitude: 0.3).samples(from: step * 480, count: 480))
        }
        let played = low.played.values[24_000...]
        #expect(amplitude(of: 2000, in: played) > 0.7)
        #expect(amplitude(of: 500, in: played) > 0.2)
        #expect(played.contains(Int16.max) && played.contains(Int16.min))
        low.receiver.removeTrack(other)
        for step in 150..<250 { low.step(Tone(hertz: 500, amplitude: 0.3).samples(from: step * 480, count: 480)) }
        let alone = low.played.values.suffix(24_000)
        #expect(amplitude(of: 2000, in: alone) < 0.01)
        #expect(amplitude(of: 500, in: alone) > 0.25)
        #expect(Set(low.receiver.statistics.keys) == [AudioBench.track])
    }

    @Test("Volume and mute change what is played, not what is measured")
    func volume() throws {
        let bench = try AudioBench()
        bench.receiver.addTrack(AudioBench.track)
        let tone = Tone()
        bench.receiver.volume = 0.25
        for step in 0..<100 { bench.step(tone.samples(from: step * 480, count: 480)) }
        #expect(abs(amplitude(of: 1000, in: bench.played.values.suffix(24_000)) - 0.125) < 0.02)
        bench.receiver.isMuted = true
        for step in 100..<200 { bench.step(tone.samples(from: step * 480, count: 480)) }
        #expect(bench.played.values.suffix(24_000).allSatisfy { $0 == 0 })
        #expect(bench.kinds.values.last == .silence)
        #expect((bench.receiver.statistics[AudioBench.track]?.levelDBov ?? -127) > -12)
        bench.receiver.volume = 7
        #expect(bench.receiver.volume == 1)
        bench.receiver.volume = -1
        #expect(bench.receiver.volume == 0)
    }

    @Test("Packets of unknown tracks and bytes that are no Opus are passed over")
    func strangers() throws {
        let bench = try AudioBench()
        func packet(_ number: UInt16, _ payload: [UInt8]) -> RTPPacket {
            RTPPacket(
                payloadType: 111, sequenceNumber: SequenceNumber(rawValue: number), timestamp: 0, ssrc: 1,
                payload: payload)
        }
        bench.receiver.receive(packet(1, [0xF8, 1, 2]), track: AudioBench.track)
        #expect(bench.receiver.statistics.isEmpty)
        bench.receiver.addTrack(AudioBench.track)
        var number: UInt16 = 0
        for length in 0..<200 {
            for first in stride(from: UInt8(0), to: 255, by: 5) {
                number &+= 1
                let payload = length == 0 ? [] : [first] + [UInt8](repeating: UInt8(length), count: length - 1)
                bench.receiver.receive(packet(number, payload), track: AudioBench.track)
            }
            bench.speakerWakes()
            bench.play()
        }
    }

    @Test("A sender that begins anew, under a new SSRC, is heard at once")
    func newSource() throws {
        let (first, second) = (try AudioBench(), try AudioBench(start: RTPStart(sequenceNumber: 9, timestamp: 1)))
        first.receiver.addTrack(AudioBench.track)
        for step in 0..<50 { first.step(Tone().samples(from: step * 480, count: 480)) }
        for step in 0..<100 {
            second.step(Tone(hertz: 400).samples(from: step * 480, count: 480)) { packets in
                for var packet in packets {
                    packet.ssrc = 8
                    first.receiver.receive(packet, track: AudioBench.track)
                }
                return []
            }
            first.step([Int16](repeating: 0, count: 480)) { _ in [] }
        }
        #expect(amplitude(of: 400, in: first.played.values.suffix(24_000)) > 0.4)
    }

    @Test("What waited for a speaker that was off is not played when it is on again")
    func noBacklog() throws {
        let bench = try AudioBench()
        bench.receiver.addTrack(AudioBench.track)
        for step in 0..<100 {
            bench.clock.advance(by: .milliseconds(10))
            bench.capture(Tone().samples(from: step * 480, count: 480))
            bench.sender.pump()
            for packet in bench.packets.take() { bench.receiver.receive(packet, track: AudioBench.track) }
        }
        bench.playback.drainAll()
        for step in 0..<50 { bench.step(Tone(hertz: 300).samples(from: step * 480, count: 480)) }
        let played = bench.played.values
        // Two frames of the old sound at most were in hand, then the new one.
        #expect(amplitude(of: 1000, in: played[4800..<14_400]) < 0.05)
        #expect(amplitude(of: 300, in: played[4800..<14_400]) > 0.3)
    }
}

@Suite("Stretching and delay")
struct AudioStretchTests {
    @Test("A stretched tone keeps its level and its ends", arguments: [955, 959, 961, 965])
    func stretch(count: Int) {
        let input = Tone(hertz: 1000).samples(from: 0, count: 960)
        var output = [Int16](repeating: 0, count: count)
        var span = output.mutableSpan
        AudioStretch.stretch(input.span, channels: 1, to: count, into: &span)
        #expect(output.first == input.first)
        #expect(output.last == input.last)
        let hertz = 1000 * 959 / Double(count - 1)
        #expect(abs(exactAmplitude(of: hertz, in: output[...]) - 0.5) < 0.01)
        let largestStep = zip(output, output.dropFirst()).map { abs(Int($0) - Int($1)) }.max() ?? 0
        #expect(largestStep < 2200)
    }

    @Test("Both channels are stretched alike")
    func stereo() {
        let input = (0..<960).flatMap { [Int16($0), Int16(-$0)] }
        var output = [Int16](repeating: 0, count: 2 * 964)
        var span = output.mutableSpan
        AudioStretch.stretch(input.span, channels: 2, to: 964, into: &span)
        for frame in 0..<964 { #expect(output[2 * frame] == -output[2 * frame + 1]) }
    }

    @Test(
        "Packets that come too early are played faster, too late slower, and those in time as they are",
        arguments: [
            (100, false, -5), (30, false, -3), (22, false, 0), (12, false, 0), (12, true, 2), (1, true, 2),
            (-30, true, 5),
        ] as [(Int, Bool, Int)])
    func control(slack: Int, hasWaited: Bool, correction: Int) {
        var control = AudioDelayControl()
        let arrivedAt = MonotonicInstant(nanoseconds: 1_000_000_000)
        for _ in 0..<25 {
            control.note(
                arrivedAt: arrivedAt, neededAt: arrivedAt + .milliseconds(slack), jitter: MediaTime(ticks: 0, rate: 1),
                hasWaited: hasWaited)
        }
        #expect(control.correction == correction)
    }
}
