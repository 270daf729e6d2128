import CV4L2
import Media
import Synchronization

/// Brings the formats that nothing else here reads (Bayer sensors, grey, other packed layouts) to I420.
///
/// - Thread: the camera's.
/// - Source: libv4lconvert.
@safe
final class LegacyConverter: @unchecked Sendable {
    private let data: OpaquePointer
    private let layout: BufferLayout
    private let pictures: PicturePool
    /// Bytes of a whole picture: libv4lconvert does not look at how many there are.
    private let needed: Int

    /// - `descriptor`: libv4lconvert asks the driver what camera it is.
    init?(_ descriptor: Int32, _ layout: BufferLayout) {
        guard let bits = layout.format.convertibleBits, let plane = layout.planes.first, layout.width % 2 == 0,
            layout.height % 2 == 0, let data = unsafe v4lconvert_create(descriptor)
        else { return nil }
        let planesOfRows = layout.format == "NV16" || layout.format == "NV61" ? 2 : 1
        needed = max(layout.width * layout.height * bits / 8, plane.stride * layout.height * planesOfRows)
        unsafe self.data = unsafe data
        self.layout = layout
        pictures = PicturePool(size: layout.width * layout.height + 2 * (layout.width / 2) * (layout.height / 2))
    }

    deinit { unsafe v4lconvert_destroy(data) }

    /// Converts one picture; nil where it is damaged.
    func convert(_ memory: [DriverMemory], _ buffer: DequeuedBuffer, capturedAt: MonotonicInstant) -> VideoFrame? {
        guard let source = memory.first, let filled = buffer.planes.first, filled.offset >= 0,
            unsafe filled.used <= source.bytes.count, filled.used - filled.offset >= needed
        else { return nil }
        var raw = cv4l2_layout()
        raw.fourcc = layout.format.rawValue
        raw.width = UInt32(layout.width)
        raw.height = UInt32(layout.height)
        raw.stride.0 = UInt32(layout.planes[0].stride)
        raw.size.0 = UInt32(layout.planes[0].size)
        let picture = pictures.take()
        let written = unsafe cv4l2_convert(
            data, &raw, source.bytes.baseAddress.map { unsafe $0 + filled.offset },
            UInt32(filled.used - filled.offset), picture.bytes.baseAddress, UInt32(picture.bytes.count))
        guard unsafe Int(written) >= picture.bytes.count else {
            pictures.recycle(picture)
            return nil
        }
        let (width, height) = (layout.width, layout.height)
        func plane(_ offset: Int, _ stride: Int, _ rows: Int) -> VideoFrame.Plane {
            unsafe VideoFrame.Plane(
                bytes: UnsafeRawBufferPointer(rebasing: picture.bytes[offset..<offset + rows * stride]),
                stride: stride)
        }
        let chroma = (width / 2) * (height / 2)
        return unsafe VideoFrame(
            format: .i420, width: width, height: height,
            planes: [
                plane(0, width, height), plane(width * height, width / 2, height / 2),
                plane(width * height + chroma, width / 2, height / 2),
            ], capturedAt: capturedAt, sequence: buffer.sequence,
            release: { [pictures] in pictures.recycle(picture) })
    }
}

/// Memory of converted pictures, used over and over.
private final class PicturePool: Sendable {
    @safe
    final class Picture: @unchecked Sendable {
        let bytes: UnsafeMutableRawBufferPointer

        init(size: Int) { unsafe bytes = .allocate(byteCount: size, alignment: 64) }

        deinit { unsafe bytes.deallocate() }
    }

    private let size: Int
    private let free = Mutex<[Picture]>([])

    init(size: Int) { self.size = size }

    func take() -> Picture { free.withLock { $0.popLast() } ?? Picture(size: size) }

    func recycle(_ picture: Picture) {
        free.withLock { if $0.count < 8 { $0.append(picture) } }
    }
}
