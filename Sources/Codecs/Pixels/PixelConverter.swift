import CYUV
public import Media
import Synchronization

/// Turns camera and screen pictures into I420 (BT.601, limited range: what VP8 takes), of their own size or another.
///
/// Pictures come from a pool: no picture is allocated per frame. A damaged picture is an error, never a trap.
///
/// - Thread: any; calls are carried out one after the other.
/// - Source: libyuv; libjpeg-turbo for MJPEG.
public final class PixelConverter: Sendable {
    /// How a picture is brought to a size of another shape.
    public enum Fit: Sendable, Hashable {
        /// All of it, centred, with black bars.
        case whole
        /// Its middle, filling the size.
        case fill
        /// All of it, distorted.
        case stretch
    }

    /// What comes out.
    public struct Output: Sendable, Hashable {
        /// 1–16,384 each; nil: the picture's own size.
        public var size: Size?
        public var fit: Fit
        /// Left and right exchanged, as people expect to see themselves.
        public var mirrored: Bool

        public init(size: Size? = nil, fit: Fit = .whole, mirrored: Bool = false) {
            self.size = size
            self.fit = fit
            self.mirrored = mirrored
        }
    }

    /// A picture's size in pixels.
    public struct Size: Sendable, Hashable {
        public var width: Int
        public var height: Int

        public init(width: Int, height: Int) {
            self.width = width
            self.height = height
        }
    }

    private let pool = PicturePool()
    private let decoder = Mutex(MJPEGDecoder())

    public init() {}

    /// Converts one picture.
    /// - Returns: an I420 frame with the time and sequence of `frame`; `frame` itself where there is nothing to do.
    /// - Throws: `.damaged` for a JPEG that does not decode and for planes shorter than the size says;
    ///   `.invalidArgument` for an impossible size.
    public func convert(_ frame: VideoFrame, to output: Output = Output()) throws(CodecError) -> VideoFrame {
        if let size = output.size { try Self.check(width: size.width, height: size.height) }
        try Self.check(width: frame.width, height: frame.height)
        try checkPlanes(of: frame)
        var current = I420View(frame)
        var held: I420Picture?
        defer { if let held { pool.recycle(held) } }

        func replace(by picture: I420Picture) {
            if let old = held { pool.recycle(old) }
            held = picture
            current = I420View(picture)
        }

        if frame.format == .mjpeg {
            replace(by: try decoder.withLock { decoder throws(CodecError) in try decoder.decode(frame, pool: pool) })
        } else if frame.format != .i420 {
            replace(by: try unpack(frame))
        }
        if let size = output.size, size.width != current.width || size.height != current.height {
            replace(by: try scale(current, to: size, output.fit))
        }
        if output.mirrored { replace(by: try mirror(current)) }
        guard let result = held.take() else { return frame }
        return pool.frame(result, capturedAt: frame.capturedAt, sequence: frame.sequence)
    }

    /// Unused pictures in the pool, for tests.
    package var pooledPictures: Int { pool.count }

    static func check(width: Int, height: Int) throws(CodecError) {
        guard (1...16_384).contains(width), (1...16_384).contains(height) else {
            throw CodecError(
                .invalidArgument, operation: "convert", reason: "\(width)×\(height) is no picture's size",
                advice: "Give 1 to 16384 pixels each way")
        }
    }

    /// Packed and semi-planar pixels.
    private func unpack(_ frame: VideoFrame) throws(CodecError) -> I420Picture {
        let to = pool.take(width: frame.width, height: frame.height)
        let (width, height) = (Int32(frame.width), Int32(frame.height))
        let (strideY, strideUV) = (Int32(to.strideY), Int32(to.strideUV))
        let plane = frame.planes[0]
        let pixels = unsafe plane.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let stride = Int32(plane.stride)
        let status: Int32
        switch frame.format {
        case .yuyv:
            status = unsafe YUY2ToI420(
                pixels, stride, to.y, strideY, to.u, strideUV, to.v, strideUV, width, height)
        case .uyvy:
            status = unsafe UYVYToI420(
                pixels, stride, to.y, strideY, to.u, strideUV, to.v, strideUV, width, height)
        case .bgrx:
            // libyuv names words, not bytes: its ARGB is B G R A in memory, its RAW is R G B.
            status = unsafe ARGBToI420(
                pixels, stride, to.y, strideY, to.u, strideUV, to.v, strideUV, width, height)
        case .rgb24:
            status = unsafe RAWToI420(
                pixels, stride, to.y, strideY, to.u, strideUV, to.v, strideUV, width, height)
        case .nv12:
            let chroma = frame.planes[1]
            status = unsafe NV12ToI420(
                pixels, stride, chroma.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(chroma.stride),
                to.y, strideY, to.u, strideUV, to.v, strideUV, width, height)
        case .i420, .mjpeg:
            preconditionFailure("converted elsewhere")
        }
        return try finish(to, status, "\(frame.format.rawValue) to I420")
    }

    private func scale(_ from: I420View, to size: Size, _ fit: Fit) throws(CodecError) -> I420Picture {
        let to = pool.take(width: size.width, height: size.height)
        var source = Area(width: from.width, height: from.height)
        var target = Area(width: size.width, height: size.height)
        switch fit {
        case .whole: target = target.centred(shape: source)
        case .fill: source = source.centred(shape: target)
        case .stretch: break
        }
        if target.width != size.width || target.height != size.height { to.fillBlack() }
        let status = unsafe I420Scale(
            from.y + source.y * from.strideY + source.x, Int32(from.strideY),
            from.u + source.y / 2 * from.strideU + source.x / 2, Int32(from.strideU),
            from.v + source.y / 2 * from.strideV + source.x / 2, Int32(from.strideV),
            Int32(source.width), Int32(source.height),
            to.y + target.y * to.strideY + target.x, Int32(to.strideY),
            to.u + target.y / 2 * to.strideUV + target.x / 2, Int32(to.strideUV),
            to.v + target.y / 2 * to.strideUV + target.x / 2, Int32(to.strideUV),
            Int32(target.width), Int32(target.height), kFilterBox)
        return try finish(to, status, "I420Scale")
    }

    private func mirror(_ from: I420View) throws(CodecError) -> I420Picture {
        let to = pool.take(width: from.width, height: from.height)
        let status = unsafe I420Mirror(
            from.y, Int32(from.strideY), from.u, Int32(from.strideU), from.v, Int32(from.strideV),
            to.y, Int32(to.strideY), to.u, Int32(to.strideUV), to.v, Int32(to.strideUV),
            Int32(from.width), Int32(from.height))
        return try finish(to, status, "I420Mirror")
    }

    private func finish(
        _ picture: I420Picture, _ status: Int32, _ operation: String
    ) throws(CodecError) -> I420Picture {
        guard status == 0 else {
            pool.recycle(picture)
            throw CodecError(.failed, operation: operation, reason: "libyuv answered \(status)")
        }
        return picture
    }
}

/// Whether each plane holds the rows that the frame's size says: drivers do hand over short frames.
private func checkPlanes(of frame: VideoFrame) throws(CodecError) {
    let (width, height) = (frame.width, frame.height)
    let (chromaWidth, chromaHeight) = ((width + 1) / 2, (height + 1) / 2)
    // Bytes a row and rows, of each plane.
    let shape: [(row: Int, rows: Int)] =
        switch frame.format {
        case .i420: [(width, height), (chromaWidth, chromaHeight), (chromaWidth, chromaHeight)]
        case .nv12: [(width, height), (chromaWidth * 2, chromaHeight)]
        case .yuyv, .uyvy: [(chromaWidth * 4, height)]
        case .bgrx: [(width * 4, height)]
        case .rgb24: [(width * 3, height)]
        case .mjpeg: [(1, 1)]
        }
    guard frame.planes.count == shape.count else {
        throw CodecError(
            .invalidArgument, operation: "convert",
            reason: "\(frame.format.rawValue) has \(shape.count) planes, not \(frame.planes.count)")
    }
    for (plane, expected) in zip(frame.planes, shape) {
        let needed = plane.stride * (expected.rows - 1) + expected.row
        let isWide = frame.format == .mjpeg || (plane.stride >= expected.row && plane.stride <= 1 << 20)
        guard isWide, unsafe plane.bytes.count >= needed else {
            throw CodecError(
                .damaged, operation: "convert",
                reason: "the frame is cut short: \(unsafe plane.bytes.count) of \(needed) bytes")
        }
    }
}

/// An I420 picture that lies somewhere.
@safe
struct I420View {
    let width: Int
    let height: Int
    let y: UnsafePointer<UInt8>
    let u: UnsafePointer<UInt8>
    let v: UnsafePointer<UInt8>
    let strideY: Int
    let strideU: Int
    let strideV: Int

    init(_ picture: I420Picture) {
        width = picture.width
        height = picture.height
        unsafe y = UnsafePointer(picture.y)
        unsafe u = UnsafePointer(picture.u)
        unsafe v = UnsafePointer(picture.v)
        strideY = picture.strideY
        strideU = picture.strideUV
        strideV = picture.strideUV
    }

    /// The planes of an I420 frame, checked before; of another format only width and height mean anything.
    init(_ frame: VideoFrame) {
        func start(_ index: Int) -> UnsafePointer<UInt8> {
            let plane = frame.planes[min(index, frame.planes.count - 1)]
            guard let base = unsafe plane.bytes.baseAddress else { preconditionFailure("a checked plane has bytes") }
            return unsafe base.assumingMemoryBound(to: UInt8.self)
        }
        width = frame.width
        height = frame.height
        unsafe y = start(0)
        unsafe u = start(1)
        unsafe v = start(2)
        strideY = frame.planes[0].stride
        strideU = frame.planes[min(1, frame.planes.count - 1)].stride
        strideV = frame.planes[min(2, frame.planes.count - 1)].stride
    }
}

/// A rectangle of a picture; its corner is on even pixels, where I420 has its chroma.
private struct Area {
    var x = 0
    var y = 0
    var width: Int
    var height: Int

    init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    /// The largest centred area with the shape of another.
    func centred(shape: Area) -> Area {
        var area = self
        if width * shape.height > shape.width * height {
            area.width = max(1, height * shape.width / shape.height)
        } else {
            area.height = max(1, width * shape.height / shape.width)
        }
        area.x = (width - area.width) / 2 & ~1
        area.y = (height - area.height) / 2 & ~1
        return area
    }
}

extension I420Picture {
    fileprivate func fillBlack() {
        unsafe y.update(repeating: 16, count: strideY * height)
        unsafe u.update(repeating: 128, count: strideUV * chromaHeight)
        unsafe v.update(repeating: 128, count: strideUV * chromaHeight)
    }
}
