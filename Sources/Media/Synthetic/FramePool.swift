import CLinux
import Synchronization

/// The picture memory of a synthetic camera, as a driver has it: a few buffers that come back when frames are dropped.
@safe
final class FramePool: @unchecked Sendable {
    let width: Int
    let height: Int
    private let bytes: Int
    private let buffers: UnsafeMutableRawPointer
    /// A bit for each buffer that is free.
    private let free: Atomic<UInt64>

    /// - `count`: at most 64.
    init(width: Int, height: Int, count: Int) {
        self.width = width
        self.height = height
        bytes = width * height * 3 / 2
        unsafe buffers = .allocate(byteCount: bytes * count, alignment: 64)
        // Touched now: the first frames shall cost no page faults.
        unsafe linux_fill_bytes(buffers, 0, bytes * count)
        free = Atomic((1 << UInt64(count)) - 1)
    }

    deinit { unsafe buffers.deallocate() }

    /// Takes a buffer, or nil where frames hold them all.
    @_noLocks
    func take() -> Int? {
        var current = free.load(ordering: .acquiring)
        while current != 0 {
            let index = current.trailingZeroBitCount
            let result = free.compareExchange(
                expected: current, desired: current & ~(1 << UInt64(index)), ordering: .acquiringAndReleasing)
            if result.exchanged { return index }
            current = result.original
        }
        return nil
    }

    func give(_ index: Int) { free.bitwiseOr(1 << UInt64(index), ordering: .releasing) }

    @_noLocks
    func draw(_ index: Int, counter: UInt32, hue: (u: UInt8, v: UInt8)) {
        unsafe TestPicture.draw(into: buffers + index * bytes, width: width, height: height, counter: counter, hue: hue)
    }

    /// A frame over a drawn buffer, which comes back to the pool with it.
    func frame(_ index: Int, capturedAt: MonotonicInstant, sequence: UInt32) -> VideoFrame {
        let luma = unsafe UnsafeRawBufferPointer(start: buffers + index * bytes, count: width * height)
        let u = unsafe UnsafeRawBufferPointer(
            start: buffers + index * bytes + width * height, count: width * height / 4)
        let v = unsafe UnsafeRawBufferPointer(
            start: buffers + index * bytes + width * height * 5 / 4, count: width * height / 4)
        return unsafe VideoFrame(
            format: .i420, width: width, height: height,
            planes: [
                .init(bytes: luma, stride: width), .init(bytes: u, stride: width / 2),
                .init(bytes: v, stride: width / 2),
            ],
            capturedAt: capturedAt, sequence: sequence, release: { self.give(index) })
    }
}
