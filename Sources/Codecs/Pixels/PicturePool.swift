package import Media
import Synchronization

/// The memory of one I420 picture: planes Y, U, V one after the other, rows aligned to 64 bytes for SIMD.
///
/// Rows and columns are padded to even numbers, as libjpeg-turbo writes whole chroma samples.
@safe
package final class I420Picture: @unchecked Sendable {
    package let width: Int
    package let height: Int
    package let strideY: Int
    package let strideUV: Int
    package let y: UnsafeMutablePointer<UInt8>
    package let u: UnsafeMutablePointer<UInt8>
    package let v: UnsafeMutablePointer<UInt8>
    private let memory: UnsafeMutableRawPointer

    package var chromaWidth: Int { (width + 1) / 2 }
    package var chromaHeight: Int { (height + 1) / 2 }

    init(width: Int, height: Int) {
        func aligned(_ count: Int) -> Int { (count + 63) & ~63 }
        self.width = width
        self.height = height
        strideY = aligned(width + 1)
        strideUV = aligned((width + 1) / 2)
        let rowsUV = (height + 1) / 2
        let sizeY = strideY * rowsUV * 2
        unsafe memory = .allocate(byteCount: sizeY + 2 * strideUV * rowsUV, alignment: 64)
        unsafe y = memory.assumingMemoryBound(to: UInt8.self)
        unsafe u = y + sizeY
        unsafe v = u + strideUV * rowsUV
    }

    deinit { unsafe memory.deallocate() }

    /// Its planes, as long as it lives.
    package var planes: [VideoFrame.Plane] {
        func plane(_ start: UnsafeMutablePointer<UInt8>, _ stride: Int, _ rows: Int) -> VideoFrame.Plane {
            unsafe VideoFrame.Plane(bytes: UnsafeRawBufferPointer(start: start, count: stride * rows), stride: stride)
        }
        return unsafe [
            plane(y, strideY, height), plane(u, strideUV, chromaHeight), plane(v, strideUV, chromaHeight),
        ]
    }
}

/// I420 pictures used over and over, so that a frame costs no allocation of a picture.
///
/// - Thread: any.
package final class PicturePool: Sendable {
    private let free = Mutex<[I420Picture]>([])
    private let capacity: Int

    /// - `capacity`: unused pictures kept at most.
    package init(capacity: Int = 8) { self.capacity = capacity }

    /// Unused pictures in the pool now.
    package var count: Int { free.withLock { $0.count } }

    /// A picture with undefined content.
    package func take(width: Int, height: Int) -> I420Picture {
        let kept = free.withLock { free in
            free.lastIndex { $0.width == width && $0.height == height }.map { free.remove(at: $0) }
        }
        return kept ?? I420Picture(width: width, height: height)
    }

    package func recycle(_ picture: I420Picture) {
        free.withLock { free in
            // The oldest goes: after a change of size its like is asked for no more.
            if free.count >= capacity { free.removeFirst() }
            free.append(picture)
        }
    }

    /// Hands a picture on as a frame; it comes back when the frame is dropped.
    package func frame(_ picture: I420Picture, capturedAt: MonotonicInstant, sequence: UInt32) -> VideoFrame {
        unsafe VideoFrame(
            format: .i420, width: picture.width, height: picture.height, planes: picture.planes,
            capturedAt: capturedAt, sequence: sequence, release: { self.recycle(picture) })
    }
}
