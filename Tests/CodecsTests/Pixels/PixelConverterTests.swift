import Media
import Synchronization
import Testing

@testable import Codecs

@Suite("Pixels become I420")
struct PixelConverterTests {
    let converter = PixelConverter()

    /// A picture of 6×4 pixels of one colour in some format.
    struct Flat: CustomTestStringConvertible, Sendable {
        var format: PixelFormat
        var planes: [[UInt8]]
        var strides: [Int]
        var expected: [Int]
        var testDescription: String { format.rawValue }
    }

    static func repeated(_ pattern: [UInt8], _ times: Int) -> [UInt8] {
        Array(repeatElement(pattern, count: times).joined())
    }

    static let flats = [
        Flat(format: .yuyv, planes: [repeated([82, 90, 82, 240], 12)], strides: [12], expected: [82, 90, 240]),
        Flat(format: .uyvy, planes: [repeated([90, 82, 240, 82], 12)], strides: [12], expected: [82, 90, 240]),
        Flat(
            format: .nv12, planes: [repeated([82], 24), repeated([90, 240], 6)], strides: [6, 6],
            expected: [82, 90, 240]),
        Flat(format: .bgrx, planes: [repeated([0, 0, 255, 0], 24)], strides: [24], expected: [82, 90, 240]),
        Flat(format: .bgrx, planes: [repeated([255, 0, 0, 0], 24)], strides: [24], expected: [41, 240, 110]),
        Flat(format: .rgb24, planes: [repeated([255, 0, 0], 24)], strides: [18], expected: [82, 90, 240]),
        Flat(format: .rgb24, planes: [repeated([255, 255, 255], 24)], strides: [18], expected: [235, 128, 128]),
    ]

    @Test("A colour is the same colour in I420", arguments: flats)
    func colours(_ flat: Flat) throws {
        let source = frame(flat.format, 6, 4, Array(zip(flat.planes, flat.strides)))
        let result = try converter.convert(source)
        #expect(result.format == .i420 && result.width == 6 && result.height == 4)
        #expect(result.capturedAt == source.capturedAt && result.sequence == source.sequence)
        for row in 0..<4 {
            for x in 0..<6 {
                let pixel = YUV(result, x, row)
                #expect(
                    pixel.isNear(YUV(flat.expected[0], flat.expected[1], flat.expected[2])), "\(pixel) at \(x),\(row)")
            }
        }
    }

    @Test("Rows may be longer than the picture is wide")
    func strides() throws {
        let row: [UInt8] = [16, 128, 235, 128] + [99, 99, 99, 99]
        let result = try converter.convert(frame(.yuyv, 2, 2, [(row + row, 8)]))
        #expect(YUV(result, 0, 1) == .black)
        #expect(YUV(result, 1, 1) == .white)
    }

    @Test("Pictures of odd size are whole", arguments: [(1, 1), (3, 5), (641, 359)])
    func oddSizes(_ width: Int, _ height: Int) throws {
        let pixels = Self.repeated([0, 0, 255, 0], width * height)
        let result = try converter.convert(frame(.bgrx, width, height, [(pixels, width * 4)]))
        #expect(YUV(result, width - 1, height - 1).isNear(.red))
    }

    @Test("An I420 picture of the right size is handed on as it is")
    func identity() throws {
        let source = halves(8, 8, .black, .white)
        #expect(try converter.convert(source) === source)
        #expect(try converter.convert(source, to: .init(size: .init(width: 8, height: 8))) === source)
    }

    @Test("A mirrored picture has left and right exchanged")
    func mirrored() throws {
        let result = try converter.convert(halves(64, 32, .red, .blue), to: .init(mirrored: true))
        #expect(YUV(result, 4, 9).isNear(.blue))
        #expect(YUV(result, 60, 9).isNear(.red))
    }

    @Test("A whole picture is centred between black bars")
    func wholeFit() throws {
        // 4:3 into 16:9: bars left and right, 160 − 108 → 26 each.
        let result = try converter.convert(
            halves(64, 48, .red, .blue), to: .init(size: .init(width: 160, height: 90), fit: .whole))
        #expect(result.width == 160 && result.height == 90)
        #expect(YUV(result, 8, 45) == .black)
        #expect(YUV(result, 152, 45) == .black)
        #expect(YUV(result, 40, 45).isNear(.red))
        #expect(YUV(result, 120, 45).isNear(.blue))
    }

    @Test("A filled picture loses its edges and keeps its middle")
    func fillFit() throws {
        // 16:9 into a square: no bars, the colours meet in the middle.
        let result = try converter.convert(
            halves(160, 90, .red, .blue), to: .init(size: .init(width: 48, height: 48), fit: .fill))
        #expect(YUV(result, 0, 0).isNear(.red))
        #expect(YUV(result, 20, 24).isNear(.red))
        #expect(YUV(result, 28, 24).isNear(.blue))
        #expect(YUV(result, 47, 47).isNear(.blue))
    }

    @Test("A stretched picture fills all corners")
    func stretchFit() throws {
        let result = try converter.convert(
            halves(160, 90, .red, .blue), to: .init(size: .init(width: 40, height: 80), fit: .stretch, mirrored: true))
        #expect(YUV(result, 0, 0).isNear(.blue))
        #expect(YUV(result, 39, 79).isNear(.red))
    }

    @Test(
        "An impossible size is an error that names it",
        arguments: [(0, 10), (10, 0), (-1, 10), (16_385, 10), (Int.max, Int.max)])
    func impossibleSizes(_ width: Int, _ height: Int) throws {
        let error = #expect(throws: CodecError.self) {
            try converter.convert(
                halves(8, 8, .black, .white), to: .init(size: .init(width: width, height: height)))
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.description.contains("\(width)×\(height)") == true)
    }

    @Test(
        "A frame with fewer bytes than its size needs is an error, never a read past its end",
        arguments: [PixelFormat.yuyv, .uyvy, .nv12, .i420, .bgrx, .rgb24])
    func shortFrames(_ format: PixelFormat) throws {
        let planes = [PixelFormat.i420: 3, .nv12: 2][format] ?? 1
        let source = frame(
            format, 64, 64, Array(repeating: (bytes: [UInt8](repeating: 0, count: 100), stride: 64 * 4), count: planes))
        let error = #expect(throws: CodecError.self) { try converter.convert(source) }
        #expect(error?.code == .damaged)
    }

    @Test("A frame with too few planes is an error")
    func missingPlane() throws {
        let source = frame(.nv12, 4, 4, [([UInt8](repeating: 0, count: 16), 4)])
        let error = #expect(throws: CodecError.self) { try converter.convert(source) }
        #expect(error?.code == .invalidArgument)
    }

    @Test("A thousand frames use the same pictures over and over")
    func pooling() throws {
        let pixels = Self.repeated([82, 90, 82, 240], 320 * 240 / 2)
        let source = frame(.yuyv, 320, 240, [(pixels, 640)])
        let output = PixelConverter.Output(size: .init(width: 160, height: 90), mirrored: true)
        var addresses: Set<UnsafeRawPointer> = unsafe []
        for _ in 0..<1_000 {
            let result = try converter.convert(source, to: output)
            if let start = unsafe result.planes[0].bytes.baseAddress { unsafe addresses.insert(start) }
        }
        #expect(unsafe addresses.count <= 2)
        #expect(converter.pooledPictures <= 3)
    }

    @Test("A picture that is still held is not overwritten by the next")
    func heldPictures() throws {
        let red = try converter.convert(frame(.rgb24, 2, 2, [(Self.repeated([255, 0, 0], 4), 6)]))
        let white = try converter.convert(frame(.rgb24, 2, 2, [(Self.repeated([255, 255, 255], 4), 6)]))
        #expect(YUV(red, 1, 1).isNear(.red))
        #expect(YUV(white, 1, 1).isNear(.white))
    }

    @Test("The source's buffer is free as soon as the source is dropped")
    func sourceReleased() throws {
        let released = Atomic(false)
        let result: VideoFrame
        do {
            let source = frame(.rgb24, 2, 2, [(Self.repeated([255, 0, 0], 4), 6)]) {
                released.store(true, ordering: .relaxed)
            }
            result = try converter.convert(source)
        }
        let isReleased = released.load(ordering: .relaxed)
        #expect(isReleased)
        #expect(YUV(result, 0, 0).isNear(.red))
    }
}
