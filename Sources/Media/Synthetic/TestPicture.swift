import CLinux

/// A moving picture that carries a number: what synthetic cameras and screens show.
///
/// A shaded background moves one step a frame. Two rows of 32 squares at the top carry the frame's counter, highest bit
/// first, white for 1; the second row carries the inverse. They survive scaling, JPEG and video codecs.
public enum TestPicture {
    // Computed, because a stored static takes a lock at its first use.
    private static var bits: Int {
        @_noLocks
        get { 32 }
    }

    /// The counter in a picture's pixels.
    /// - `frame`: I420 or NV12, at least 64 pixels wide and 32 high.
    /// - Returns: nil where no counter is found, or the format is another.
    public static func counter(in frame: VideoFrame) -> UInt32? {
        guard frame.format == .i420 || frame.format == .nv12, let plane = frame.planes.first else { return nil }
        return counter(luma: plane, width: frame.width, height: frame.height)
    }

    /// The counter in a plane of luma; for decoded pictures that are no ``VideoFrame``.
    public static func counter(luma plane: VideoFrame.Plane, width: Int, height: Int) -> UInt32? {
        let square = width / bits
        let rows = rowHeight(height)
        guard square >= 2, rows >= 2, unsafe plane.bytes.count >= plane.stride * (rows * 2 - 1) + width else {
            return nil
        }
        var counter: UInt32 = 0
        for bit in 0..<bits {
            let x = width * (2 * bit + 1) / (2 * bits)
            let isSet = mean(plane, x: x, y: rows / 2) > 127
            guard isSet != (mean(plane, x: x, y: rows + rows / 2) > 127) else { return nil }
            counter = counter << 1 | (isSet ? 1 : 0)
        }
        return counter
    }

    /// The mean of the four pixels around the middle of a square.
    private static func mean(_ plane: VideoFrame.Plane, x: Int, y: Int) -> Int {
        var sum = 0
        for row in (y - 1)...y {
            for column in (x - 1)...x { sum += unsafe Int(plane.bytes[row * plane.stride + column]) }
        }
        return sum / 4
    }

    @_noLocks
    private static func rowHeight(_ height: Int) -> Int { height / 16 }

    /// Draws an I420 picture, planes one after the other without padding.
    /// - `pixels`: `width × height × 3 / 2` bytes; both are even.
    /// - `hue`: the colour, by which devices are told apart.
    @_noLocks @unsafe
    static func draw(
        into pixels: UnsafeMutableRawPointer, width: Int, height: Int, counter: UInt32, hue: (u: UInt8, v: UInt8)
    ) {
        let rows = rowHeight(height)
        let luma = unsafe pixels.assumingMemoryBound(to: UInt8.self)
        // One row of each kind is drawn; the others are copies.
        unsafe drawBits(luma, width: width, counter: counter)
        unsafe drawBits(luma + rows * width, width: width, counter: ~counter)
        let shade = unsafe luma + 2 * rows * width
        var x = 0
        while x < width {
            unsafe shade[x] = UInt8(truncatingIfNeeded: 16 + ((x + Int(counter) * 4) & 0xFF) * 219 / 255)
            x += 1
        }
        var y = 1
        while y < height {
            if y != rows && y != 2 * rows {
                let source = y < rows ? 0 : y < 2 * rows ? rows : 2 * rows
                unsafe linux_copy_bytes(pixels + y * width, pixels + source * width, width)
            }
            y += 1
        }
        let quarter = width * height / 4
        unsafe linux_fill_bytes(pixels + width * height, hue.u, quarter)
        unsafe linux_fill_bytes(pixels + width * height + quarter, hue.v, quarter)
    }

    @_noLocks @unsafe
    private static func drawBits(_ row: UnsafeMutablePointer<UInt8>, width: Int, counter: UInt32) {
        var bit = 0
        while bit < bits {
            let from = width * bit / bits
            let to = width * (bit + 1) / bits
            let isSet = counter >> UInt32(bits - 1 - bit) & 1 == 1
            unsafe linux_fill_bytes(row + from, isSet ? 235 : 16, to - from)
            bit += 1
        }
    }
}
