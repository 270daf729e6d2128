import Media
import Synchronization

@testable import Codecs

/// A frame over bytes of its own, which counts its release.
func frame(
    _ format: PixelFormat, _ width: Int, _ height: Int, _ planes: [(bytes: [UInt8], stride: Int)],
    at instant: Int64 = 7, sequence: UInt32 = 3, released: (@Sendable () -> Void)? = nil
) -> VideoFrame {
    let copies = planes.map { plane in
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, plane.bytes.count), alignment: 16)
        unsafe copy.copyBytes(from: plane.bytes)
        return unsafe VideoFrame.Plane(
            bytes: UnsafeRawBufferPointer(rebasing: copy[..<plane.bytes.count]), stride: plane.stride)
    }
    return unsafe VideoFrame(
        format: format, width: width, height: height, planes: copies,
        capturedAt: MonotonicInstant(nanoseconds: instant), sequence: sequence,
        release: {
            for copy in copies { unsafe UnsafeMutableRawPointer(mutating: copy.bytes.baseAddress)?.deallocate() }
            released?()
        })
}

/// Y, U, V of an I420 frame at a pixel.
struct YUV: Equatable, CustomStringConvertible {
    var y: Int
    var u: Int
    var v: Int
    var description: String { "(\(y), \(u), \(v))" }

    init(_ y: Int, _ u: Int, _ v: Int) {
        self.y = y
        self.u = u
        self.v = v
    }

    init(_ frame: VideoFrame, _ x: Int, _ row: Int) {
        func at(_ plane: Int, _ x: Int, _ row: Int) -> Int {
            let plane = frame.planes[plane]
            return unsafe Int(plane.bytes[row * plane.stride + x])
        }
        y = at(0, x, row)
        u = at(1, x / 2, row / 2)
        v = at(2, x / 2, row / 2)
    }

    func isNear(_ other: YUV, by tolerance: Int = 2) -> Bool {
        abs(y - other.y) <= tolerance && abs(u - other.u) <= tolerance && abs(v - other.v) <= tolerance
    }

    static let black = YUV(16, 128, 128)
    // BT.601, limited range.
    static let white = YUV(235, 128, 128)
    static let red = YUV(82, 90, 240)
    static let blue = YUV(41, 240, 110)
}

/// An I420 picture of one colour to the left and another to the right.
func halves(_ width: Int, _ height: Int, _ left: YUV, _ right: YUV) -> VideoFrame {
    func plane(_ width: Int, _ height: Int, _ left: Int, _ right: Int) -> (bytes: [UInt8], stride: Int) {
        let row = (0..<width).map { UInt8($0 < width / 2 ? left : right) }
        return (Array(repeatElement(row, count: height).joined()), width)
    }
    return frame(
        .i420, width, height,
        [
            plane(width, height, left.y, right.y),
            plane((width + 1) / 2, (height + 1) / 2, left.u, right.u),
            plane((width + 1) / 2, (height + 1) / 2, left.v, right.v),
        ])
}
