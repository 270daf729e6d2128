import CTurboJPEG
import Media
import TestSupport
import Testing

@testable import Codecs

@Suite("Camera JPEGs become I420")
struct MJPEGTests {
    let converter = PixelConverter()

    /// A JPEG of 48×32: red to the left, white to the right.
    static func jpeg(_ subsampling: TJSAMP, width: Int = 48, height: Int = 32) throws -> [UInt8] {
        let handle = unsafe try #require(tjInitCompress())
        defer { _ = unsafe tjDestroy(handle) }
        let pixels = (0..<width * height).flatMap { index -> [UInt8] in
            index % width < width / 2 ? [255, 0, 0] : [255, 255, 255]
        }
        var start: UnsafeMutablePointer<UInt8>?
        var size: UInt = 0
        let status = unsafe tjCompress2(
            handle, pixels, Int32(width), 0, Int32(height), Int32(TJPF_RGB.rawValue), &start, &size,
            Int32(subsampling.rawValue), 95, 0)
        let bytes = unsafe try #require(start)
        defer { unsafe tjFree(bytes) }
        try #require(status == 0)
        return unsafe Array(UnsafeBufferPointer(start: bytes, count: Int(size)))
    }

    @Test(
        "Every chroma subsampling gives the same colours, in video's limited range",
        arguments: [TJSAMP_444, TJSAMP_422, TJSAMP_420, TJSAMP_440, TJSAMP_411].map(\.rawValue))
    func subsamplings(_ raw: UInt32) throws {
        let bytes = try Self.jpeg(TJSAMP(raw))
        let result = try converter.convert(frame(.mjpeg, 48, 32, [(bytes, 0)]))
        #expect(result.width == 48 && result.height == 32)
        #expect(YUV(result, 5, 7).isNear(.red, by: 3), "\(YUV(result, 5, 7))")
        #expect(YUV(result, 40, 30).isNear(.white, by: 3), "\(YUV(result, 40, 30))")
    }

    @Test("A grey JPEG is grey")
    func grey() throws {
        let bytes = try Self.jpeg(TJSAMP_GRAY)
        let result = try converter.convert(frame(.mjpeg, 48, 32, [(bytes, 0)]))
        #expect(YUV(result, 40, 30).isNear(.white))
        #expect(YUV(result, 5, 7).u == 128)
    }

    @Test("A JPEG of odd size is whole", arguments: [(1, 1), (17, 9), (33, 7)])
    func oddSizes(_ width: Int, _ height: Int) throws {
        for subsampling in [TJSAMP_420, TJSAMP_422, TJSAMP_444] {
            let bytes = try Self.jpeg(subsampling, width: width, height: height)
            let result = try converter.convert(frame(.mjpeg, width, height, [(bytes, 0)]))
            #expect(result.width == width && result.height == height)
            #expect(YUV(result, width - 1, height - 1).isNear(.white, by: 6))
        }
    }

    @Test("Padding before the end marker, which many cameras add, does no harm")
    func padding() throws {
        var bytes = try Self.jpeg(TJSAMP_422)
        bytes.insert(contentsOf: [0, 0, 0, 0], at: bytes.count - 2)
        let result = try converter.convert(frame(.mjpeg, 48, 32, [(bytes, 0)]))
        #expect(YUV(result, 5, 7).isNear(.red, by: 3))
    }

    @Test("A JPEG cut short anywhere is an error", arguments: [0, 1, 2, 20, 200, 500])
    func cutShort(_ count: Int) throws {
        let bytes = try Self.jpeg(TJSAMP_420)
        let error = #expect(throws: CodecError.self) {
            try converter.convert(frame(.mjpeg, 48, 32, [(Array(bytes.prefix(count)), 0)]))
        }
        #expect(error?.code == .damaged)
    }

    @Test("Ten thousand JPEGs with random damage never trap, and good ones decode afterwards")
    func randomDamage() throws {
        var random = SeededGenerator(seed: 0x5EED)
        let good = try [TJSAMP_420, TJSAMP_422, TJSAMP_444, TJSAMP_411, TJSAMP_GRAY].map { try Self.jpeg($0) }
        var refused = 0
        for round in 0..<10_000 {
            var bytes = good[round % good.count]
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            if round % 7 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
            do { _ = try converter.convert(frame(.mjpeg, 48, 32, [(bytes, 0)])) } catch { refused += 1 }
        }
        #expect(refused > 1_000)
        let result = try converter.convert(frame(.mjpeg, 48, 32, [(good[1], 0)]))
        #expect(YUV(result, 5, 7).isNear(.red, by: 3))
    }
}
