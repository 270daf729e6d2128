import Codecs
import Glibc
import Media
import Testing

@Suite("Opus")
struct OpusTests {
    @Test(
        "A tone survives encoding and decoding at every frame length",
        arguments: [10, 20, 40, 60], [(1, OpusSettings.Application.voice), (2, .music)])
    func tone(milliseconds: Int, form: (channels: Int, application: OpusSettings.Application)) throws {
        var settings = OpusSettings()
        settings.frameDuration = .milliseconds(milliseconds)
        (settings.channels, settings.application) = form
        settings.bitrate = 64_000
        var encoder = try OpusEncoder(settings)
        var decoder = try OpusDecoder(channels: form.channels)
        let decoded = try sine(seconds: 2.4, settings).flatMap { frame in
            try decoder.decoded(encoder.encoded(frame))
        }
        #expect(decoded.count == 115_200 * form.channels)
        let left = stride(from: 48_000 * form.channels, to: decoded.count, by: form.channels).map { decoded[$0] }
        #expect(abs(amplitude(of: 440, in: left) - 0.5) < 0.05)
        #expect(amplitude(of: 880, in: left) < 0.02)
    }

    @Test("The decoder gives the channels it was made for, whatever the packets have", arguments: [(1, 2), (2, 1)])
    func channelConversion(encoded: Int, decoded: Int) throws {
        var settings = OpusSettings()
        settings.channels = encoded
        var encoder = try OpusEncoder(settings)
        var decoder = try OpusDecoder(channels: decoded)
        let frame = try #require(sine(seconds: 0.02, settings).first)
        #expect(try decoder.decoded(encoder.encoded(frame)).count == 960 * decoded)
    }

    @Test(
        "A setting that Opus does not take is refused, and the error names those it takes",
        arguments: [
            BadSetting("3 channels", "1 or 2 channels") { $0.channels = 3 },
            BadSetting("no channels", "1 or 2 channels") { $0.channels = 0 },
            BadSetting("30 ms", "10, 20, 40 or 60 ms") { $0.frameDuration = .milliseconds(30) },
            BadSetting("a bitrate too low", "6000–510000 b/s") { $0.bitrate = 5999 },
            BadSetting("a bitrate too high", "6000–510000 b/s") { $0.bitrate = 510_001 },
            BadSetting("a negative bitrate", "6000–510000 b/s") { $0.bitrate = -1 },
            BadSetting("complexity 11", "0–10") { $0.complexity = 11 },
            BadSetting("more loss than all", "0–100 %") { $0.expectedPacketLoss = 101 },
        ])
    func settings(bad: BadSetting) {
        var settings = OpusSettings()
        bad.change(&settings)
        let error = codecError { () throws(CodecError) in _ = try OpusEncoder(settings) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.advice?.contains(bad.allowed) == true, "\(error?.description ?? "")")
    }

    @Test("A frame of another size is refused, and the error names the sizes", arguments: [0, 1, 120, 481, 959, 5760])
    func frameSize(sampleFrames: Int) throws {
        var encoder = try OpusEncoder(OpusSettings())
        var error: CodecError?
        do throws(CodecError) {
            _ = try encoder.encoded([Int16](repeating: 0, count: sampleFrames))
        } catch let thrown {
            error = thrown
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.advice?.contains("480, 960, 1920 or 2880") == true)
    }

    @Test("Storage for a packet or for sound that is too small is an error")
    func smallStorage() throws {
        var encoder = try OpusEncoder(OpusSettings())
        var decoder = try OpusDecoder(channels: 1)
        let packet = try encoder.encoded([Int16](repeating: 0, count: 960))
        var none: [UInt8] = []
        var noBytes = none.mutableSpan
        let frame = [Int16](repeating: 0, count: 960)
        do throws(CodecError) {
            _ = try encoder.encode(frame.span, into: &noBytes)
            Issue.record("nothing was thrown")
        } catch {
            #expect(error.code == .bufferTooSmall)
        }
        var few = [Int16](repeating: 0, count: 480)
        var span = few.mutableSpan
        do throws(CodecError) {
            _ = try decoder.decode(packet.span, into: &span)
            Issue.record("nothing was thrown")
        } catch {
            #expect(error.code == .bufferTooSmall)
        }
    }

    @Test("The bitrate is what was asked for, and can be changed while running")
    func bitrate() throws {
        var settings = OpusSettings()
        settings.application = .music
        settings.bitrate = 96_000
        var encoder = try OpusEncoder(settings)
        var noise = NoiseSource()
        func bytesOfASecond(_ encoder: inout OpusEncoder) throws -> Int {
            var sum = 0
            for _ in 0..<50 { sum += try encoder.encoded(noise.frame(960)).count }
            return sum
        }
        let high = try bytesOfASecond(&encoder)
        #expect((9000...15_000).contains(high), "96 kb/s are 12,000 bytes")
        try encoder.setBitrate(24_000)
        #expect(encoder.settings.bitrate == 24_000)
        #expect((2200...3800).contains(try bytesOfASecond(&encoder)))
        var changed: CodecError?
        do throws(CodecError) { try encoder.setBitrate(1) } catch let error { changed = error }
        #expect(changed?.code == .invalidArgument)
        #expect(encoder.settings.bitrate == 24_000)
    }

    @Test("With DTX silence becomes packets of two bytes or fewer; without it never")
    func dtx() throws {
        for dtx in [true, false] {
            var settings = OpusSettings()
            settings.dtx = dtx
            var encoder = try OpusEncoder(settings)
            var unsent = 0
            for _ in 0..<100 where try encoder.encoded([Int16](repeating: 0, count: 960)).count <= 2 { unsent += 1 }
            #expect(dtx ? unsent > 60 : unsent == 0)
        }
    }

    @Test("A lost frame is made up, and fades when nothing comes any more")
    func concealment() throws {
        var encoder = try OpusEncoder(OpusSettings())
        var decoder = try OpusDecoder(channels: 1)
        for frame in sine(seconds: 0.5, OpusSettings()) { _ = try decoder.decoded(encoder.encoded(frame)) }
        let first = try decoder.concealed(960)
        #expect(first.count == 960)
        #expect(rms(first) > 0.1, "it sounds like what came before")
        var last = first
        for _ in 0..<20 { last = try decoder.concealed(960) }
        #expect(rms(last) < 0.01)
        #expect(try decoder.concealed(120).count == 120)
        for wrong in [0, 100, 5880] {
            var error: CodecError?
            do throws(CodecError) { _ = try decoder.concealed(wrong) } catch let thrown { error = thrown }
            #expect(error?.code == .invalidArgument)
        }
    }

    @Test("FEC gives back a lost onset that concealment cannot know")
    func fec() throws {
        var settings = OpusSettings()
        settings.bitrate = 24_000
        settings.expectedPacketLoss = 30
        var encoder = try OpusEncoder(settings)
        var voice = VoiceSource()
        var packets: [[UInt8]] = []
        var frames: [[Int16]] = []
        for index in 0..<60 {
            // Silence, then speech from frame 50 on: frame 50 is the one lost.
            frames.append(index < 50 ? [Int16](repeating: 0, count: 960) : voice.frame(960))
            packets.append(try encoder.encoded(frames[index]))
        }
        var withFEC = try OpusDecoder(channels: 1)
        var without = try OpusDecoder(channels: 1)
        for packet in packets[..<51] {
            _ = try withFEC.decoded(packet)
            _ = try without.decoded(packet)
        }
        let recovered = try withFEC.recovered(from: packets[52], sampleFrames: 960)
        let concealed = try without.concealed(960)
        let original = rms(frames[51])
        #expect(abs(rms(recovered) - original) < 0.5 * original)
        #expect(correlation(recovered, withinLagOf: 400, frames[50] + frames[51]) > 0.7)
        #expect(
            correlation(recovered, withinLagOf: 400, frames[50] + frames[51])
                > correlation(concealed, withinLagOf: 400, frames[50] + frames[51]))
    }

    @Test("Bytes that are no Opus are an error, and decoding goes on after them")
    func damage() throws {
        var encoder = try OpusEncoder(OpusSettings())
        var decoder = try OpusDecoder(channels: 1)
        let good = try encoder.encoded(try #require(sine(seconds: 0.02, OpusSettings()).first))
        for bytes in [[], [0xFF], [0xFF, 0xFF], [0x03, 0x00]] as [[UInt8]] {
            var error: CodecError?
            do throws(CodecError) { _ = try decoder.decoded(bytes) } catch let thrown { error = thrown }
            #expect(error?.code == .damaged, "\(bytes)")
        }
        #expect(try decoder.decoded(good).count == 960)
        var state: UInt64 = 7
        for _ in 0..<2000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1
            let count = Int(state >> 57)
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: state >> UInt64($0 % 50)) }
            if let sound = try? decoder.decoded(bytes) { #expect((120...5760).contains(sound.count)) }
        }
        #expect(try decoder.decoded(good).count == 960)
    }

    @Test("After a reset the encoder encodes as a new one does")
    func reset() throws {
        let frames = sine(seconds: 0.2, OpusSettings())
        var encoder = try OpusEncoder(OpusSettings())
        var first: [[UInt8]] = []
        for frame in frames { first.append(try encoder.encoded(frame)) }
        encoder.reset()
        var second: [[UInt8]] = []
        for frame in frames { second.append(try encoder.encoded(frame)) }
        #expect(first == second)
        #expect(encoder.lookahead == 312, "6.5 ms: what libopus 1.3 looks ahead in these applications")
    }
}
