import Media
import Synchronization
import Testing

@Suite("VideoFrame")
struct VideoFrameTests {
    @Test("the buffer goes back once, when the last reference is gone")
    func release() {
        let released = Mutex(0)
        let memory = Memory()
        var first: VideoFrame? = unsafe VideoFrame(
            format: .yuyv, width: 2, height: 2,
            planes: [unsafe .init(bytes: UnsafeRawBufferPointer(memory.bytes), stride: 4)],
            capturedAt: MonotonicInstant(nanoseconds: 1), sequence: 7,
            release: { [memory] in
                _ = memory
                released.withLock { $0 += 1 }
            })
        var second = first
        #expect(second?.sequence == 7)
        first = nil
        #expect(released.withLock { $0 } == 0)
        second = nil
        #expect(released.withLock { $0 } == 1)
    }
}

@safe
private final class Memory: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer
    init() { unsafe bytes = .allocate(byteCount: 8, alignment: 1) }
    deinit { unsafe bytes.deallocate() }
}
