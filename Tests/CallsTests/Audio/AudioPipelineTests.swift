import Codecs
import Media
import RTP
import Rooms
import Testing

@testable import Calls

@Suite("Sound from a microphone's ring to a speaker's ring")
struct AudioPipelineTests {
    @Test(
        "A tone comes out with its frequency and level",
        arguments: [(1, 10), (1, 20), (1, 40), (1, 60), (2, 20)] as [(Int, Int)])
    func tone(channels: Int, milliseconds: Int) throws {
        var settings = OpusSettings()
        settings.channels = channels
        settings.frameDuration = .milliseconds(milliseconds)
        settings.bitrate = 96_000
        let bench = try AudioBench(settings: settings)
        bench.receiver.addTrack(AudioBench.track)
        let tone = Tone()
        for step in 0..<800 { bench.step(tone.samples(from: step * 480, count: 480, channels: channels)) }
        let played = bench.played.values
        #expect(played.count == 800 * 480 * channels)
        // One channel of the last second: by then the delay is where it is to stay.
        let left = stride(from: 336_000 * channels, to: 384_000 * channels, by: channels).map { played[$0] }
        #expect(abs(amplitude(of: 1000, in: left[...]) - 0.5) < 0.05)
        // With packets this long the delay takes more seconds to settle, and the tone is 0.2 % off meanwhile.
        if milliseconds < 60 { #expect(abs(exactAmplitude(of: 1000, in: left[...]) - 0.5) < 0.05) }
        #expect(amplitude(of: 1500, in: left[...]) < 0.01)
        #expect(!bench.kinds.values.contains(.concealed))
        let statistics = try #require(bench.receiver.statistics[AudioBench.track])
        #expect(statistics.lost == 0)
        #expect(statistics.packets == 8000 / milliseconds)
        #expect(abs(statistics.levelDBov + 9) < 1)
        #expect(bench.sender.statistics.packets == statistics.packets)
        #expect(abs(bench.sender.statistics.peak - 0.5) < 0.01)
    }
}
