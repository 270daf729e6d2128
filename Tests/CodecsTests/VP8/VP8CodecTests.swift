import Media
import TestSupport
import Testing

@testable import Codecs

@Suite("VP8 codec")
struct VP8CodecTests {
    private static func decode(
        _ decoder: inout VP8Decoder, _ encoded: VP8EncodedFrame, of frame: VideoFrame
    ) throws(CodecError) -> VideoFrame? {
        try decoder.decode(encoded.bytes, capturedAt: frame.capturedAt, sequence: frame.sequence)
    }

    @Test(
        "A moving picture comes out as it went in, within 30 dB",
        arguments: [(320, 240), (176, 144), (97, 61), (16, 16), (1, 1), (2, 300)],
        [VP8Settings.Content.camera, .screen])
    func roundTrip(size: (Int, Int), content: VP8Settings.Content) throws {
        var encoder = try VP8Encoder(VP8Settings(bitrate: 1_500_000, content: content))
        var decoder = try VP8Decoder()
        for number in 0..<12 {
            let picture = movingPicture(size.0, size.1, number: number)
            guard let encoded = try encoder.encode(picture) else { continue }
            #expect(encoded.isKeyframe == (number == 0))
            let decoded = try #require(try Self.decode(&decoder, encoded, of: picture))
            #expect((decoded.width, decoded.height, decoded.format) == (size.0, size.1, .i420))
            #expect((decoded.capturedAt, decoded.sequence) == (picture.capturedAt, picture.sequence))
            #expect(psnr(picture, decoded) > 30)
        }
    }

    @Test("A keyframe comes when it is asked for, and can be decoded by itself")
    func keyframe() throws {
        var encoder = try VP8Encoder(VP8Settings())
        for number in 0..<5 { _ = try encoder.encode(movingPicture(320, 240, number: number)) }
        let picture = movingPicture(320, 240, number: 5)
        let encoded = try #require(try encoder.encode(picture, keyframe: true))
        #expect(encoded.isKeyframe)
        #expect(VP8FrameHeader(encoded.bytes.span)?.width == 320)
        var decoder = try VP8Decoder()
        let decoded = try #require(try Self.decode(&decoder, encoded, of: picture))
        #expect(psnr(picture, decoded) > 30)
    }

    @Test("The size may change mid-stream, larger and smaller; the next picture is a keyframe of the new size")
    func sizeChange() throws {
        var encoder = try VP8Encoder(VP8Settings())
        var decoder = try VP8Decoder()
        for (number, size) in [(320, 240), (640, 360), (640, 360), (90, 160), (320, 240)].enumerated() {
            let picture = movingPicture(size.0, size.1, number: number)
            let encoded = try #require(try encoder.encode(picture))
            #expect(encoded.isKeyframe == (number != 2))
            let decoded = try #require(try Self.decode(&decoder, encoded, of: picture))
            #expect((decoded.width, decoded.height) == size)
            #expect(psnr(picture, decoded) > 28)
        }
    }

    @Test("The bitrate is kept to within a third, and a change of it is followed")
    func bitrate() throws {
        var encoder = try VP8Encoder(VP8Settings(bitrate: 200_000))
        func rate(_ numbers: Range<Int>) throws -> Int {
            var bytes = 0
            for number in numbers { bytes += try encoder.encode(noise(number))?.bytes.count ?? 0 }
            return bytes * 8 * 30 / numbers.count
        }
        func noise(_ number: Int) -> VideoFrame {
            var generator = SeededGenerator(seed: UInt64(number))
            func plane(_ count: Int) -> [UInt8] { (0..<count).map { _ in .random(in: 90...160, using: &generator) } }
            return frame(
                .i420, 80, 60, [(plane(4800), 80), (plane(1200), 40), (plane(1200), 40)],
                at: Int64(number) * 33_333_333)
        }
        _ = try rate(0..<30)
        let before = try rate(30..<90)
        #expect((133_000...267_000).contains(before))
        try encoder.setBitrate(600_000)
        _ = try rate(90..<120)
        let after = try rate(120..<180)
        #expect((400_000...800_000).contains(after))
    }

    @Test(
        "A moving picture of 320×180 looks as it should at its bitrate, encoded faster too",
        arguments: [(120_000, 0, 44.0), (300_000, 0, 46.0), (300_000, 6, 46.0)])
    func quality(bitrate: Int, speedUp: Int, least: Double) throws {
        var encoder = try VP8Encoder(VP8Settings(bitrate: bitrate))
        try encoder.setSpeedUp(speedUp)
        var decoder = try VP8Decoder()
        var (likeness, bits) = ([Double](), 0)
        for number in 0..<90 {
            let picture = movingPicture(320, 180, number: number)
            guard let encoded = try encoder.encode(picture) else { continue }
            bits += 8 * encoded.bytes.count
            guard let decoded = try Self.decode(&decoder, encoded, of: picture) else { continue }
            // The first second is the keyframe's.
            if number >= 30 { likeness.append(psnr(picture, decoded)) }
        }
        let mean = likeness.reduce(0, +) / Double(max(1, likeness.count))
        print("\(bitrate / 1000) kbit/s, \(speedUp) faster: \(Int(mean)) dB, \(bits / 3000) kbit/s")
        #expect(likeness.count > 50)
        #expect(mean > least)
        #expect(Double(bits) / 3 < 1.35 * Double(bitrate))
    }

    @Test("A stream is decoded from a keyframe on; what comes before is an error, not a picture")
    func needsKeyframe() throws {
        var encoder = try VP8Encoder(VP8Settings())
        let key = try #require(try encoder.encode(movingPicture(64, 64, number: 0)))
        let delta = try #require(try encoder.encode(movingPicture(64, 64, number: 1)))
        var decoder = try VP8Decoder()
        let picture = movingPicture(64, 64, number: 1)
        var thrown: CodecError?
        do { _ = try Self.decode(&decoder, delta, of: picture) } catch { thrown = error }
        #expect(thrown?.code == .damaged)
        _ = try Self.decode(&decoder, key, of: picture)
        let isMended = !decoder.needsKeyframe
        #expect(isMended)
        #expect(try Self.decode(&decoder, delta, of: picture) != nil)
    }

    @Test("Bytes that are no picture are an error, and a keyframe mends it")
    func garbage() throws {
        var encoder = try VP8Encoder(VP8Settings())
        let picture = movingPicture(96, 64, number: 0)
        let key = try #require(try encoder.encode(picture))
        let delta = try #require(try encoder.encode(movingPicture(96, 64, number: 1)))
        var decoder = try VP8Decoder()
        var generator = SeededGenerator(seed: 42)
        var damaged: [[UInt8]] = [[], [0], [0, 0], [0, 0, 0], [1, 0, 0], Array(repeating: 0xFF, count: 40)]
        damaged += (0..<key.bytes.count).map { Array(key.bytes[..<$0]) }
        damaged += (0..<delta.bytes.count).map { Array(delta.bytes[..<$0]) }
        for frame in [key.bytes, delta.bytes] {
            for _ in 0..<500 {
                var bytes = frame
                for _ in 0..<Int.random(in: 1...6, using: &generator) {
                    let place = Int.random(in: 0..<bytes.count, using: &generator)
                    bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                }
                damaged.append(bytes)
            }
        }
        var refused = 0
        for bytes in damaged {
            do {
                _ = try decoder.decode(bytes, capturedAt: picture.capturedAt, sequence: 0)
            } catch {
                refused += 1
                #expect(error.code == .damaged || error.code == .unsupported || error.code == .failed)
                let mended = try Self.decode(&decoder, key, of: picture)
                #expect(mended.map { psnr(picture, $0) > 30 } == true)
            }
        }
        #expect(refused > 50)
    }

    @Test("A keyframe that asks for too large a picture is refused before any memory is taken")
    func tooLarge() throws {
        var decoder = try VP8Decoder()
        let bytes: [UInt8] = [0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0xFF, 0x3F, 0xFF, 0x3F, 0, 0, 0, 0]
        var thrown: CodecError?
        do { _ = try decoder.decode(bytes, capturedAt: MonotonicInstant(nanoseconds: 0), sequence: 0) } catch {
            thrown = error
        }
        #expect(thrown?.code == .unsupported)
    }

    @Test(
        "Settings out of range are refused",
        arguments: [
            VP8Settings(bitrate: 0), VP8Settings(bitrate: .max), VP8Settings(framesPerSecond: 0),
            VP8Settings(framesPerSecond: .nan), VP8Settings(speed: 17), VP8Settings(speed: 0), VP8Settings(threads: 0),
            VP8Settings(threads: 99),
        ])
    func settings(_ settings: VP8Settings) {
        var thrown: CodecError?
        do { _ = try VP8Encoder(settings) } catch { thrown = error }
        #expect(thrown?.code == .invalidArgument && thrown?.advice != nil)
    }

    @Test("A picture that is not I420, or is cut short, is refused")
    func wrongPicture() throws {
        var encoder = try VP8Encoder(VP8Settings())
        let pictures = [
            (frame(.yuyv, 16, 16, [([UInt8](repeating: 0, count: 512), 32)]), CodecError.Code.invalidArgument),
            (frame(.i420, 16, 16, [([UInt8](repeating: 0, count: 256), 16)]), .invalidArgument),
            (frame(.i420, 16, 16, [([0], 16), ([0], 8), ([0], 8)]), .damaged),
            (frame(.i420, 0, 16, [([], 16), ([], 8), ([], 8)]), .invalidArgument),
        ]
        for (picture, code) in pictures {
            var thrown: CodecError?
            do { _ = try encoder.encode(picture) } catch { thrown = error }
            #expect(thrown?.code == code)
        }
    }

    @Test("Pictures captured at the same instant, or earlier, still make a stream")
    func time() throws {
        var encoder = try VP8Encoder(VP8Settings())
        for interval: Int64 in [0, -1_000_000] {
            for number in 0..<4 { _ = try encoder.encode(movingPicture(64, 64, number: number, interval: interval)) }
        }
    }
}
