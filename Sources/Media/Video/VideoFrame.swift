/// How a frame's bytes stand for pixels.
public enum PixelFormat: String, Sendable, Hashable {
    /// Planes Y, U, V; U and V at half width and height.
    case i420
    /// Planes Y and interleaved UV at half width and height.
    case nv12
    /// One plane, Y U Y V for two pixels.
    case yuyv
    /// One plane, U Y V Y for two pixels.
    case uyvy
    /// One plane, B G R X for one pixel (what X11 gives).
    case bgrx
    /// One plane, R G B for one pixel (what libv4lconvert gives).
    case rgb24
    /// One JPEG picture.
    case mjpeg
}

/// One picture, where it lies: the driver's own buffer until the last reference is gone.
///
/// - Thread: immutable; any thread may read it and drop it.
@safe
public final class VideoFrame: Sendable {
    /// One plane of pixels.
    @safe
    public struct Plane: @unchecked Sendable {
        public let bytes: UnsafeRawBufferPointer
        /// Bytes from one row to the next; 0 for compressed pictures.
        public let stride: Int

        @unsafe
        public init(bytes: UnsafeRawBufferPointer, stride: Int) {
            unsafe self.bytes = unsafe bytes
            self.stride = stride
        }
    }

    public let format: PixelFormat
    public let width: Int
    public let height: Int
    public let planes: [Plane]
    /// When its first byte was captured.
    public let capturedAt: MonotonicInstant
    /// The driver's count; a gap is a frame lost.
    public let sequence: UInt32
    private let release: @Sendable () -> Void

    /// - `planes`: memory that stays valid and unchanged until `release` is called.
    /// - `release`: called once, on whatever thread drops the last reference.
    @unsafe
    public init(
        format: PixelFormat, width: Int, height: Int, planes: [Plane], capturedAt: MonotonicInstant,
        sequence: UInt32, release: @escaping @Sendable () -> Void
    ) {
        self.format = format
        self.width = width
        self.height = height
        self.planes = planes
        self.capturedAt = capturedAt
        self.sequence = sequence
        self.release = release
    }

    deinit { release() }
}
