internal import CXCB
import Glibc
import Media
import Synchronization

/// The pixels of one grab, B G R X. The frames that show it keep it; its memory is used again when the last is gone.
@safe
final class ScreenPicture: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer
    let width: Int
    let height: Int
    private let release: @Sendable () -> Void

    init(
        bytes: UnsafeMutableRawBufferPointer, width: Int, height: Int, release: @escaping @Sendable () -> Void
    ) {
        unsafe self.bytes = unsafe bytes
        self.width = width
        self.height = height
        self.release = release
    }

    deinit { release() }

    func isSame(as other: ScreenPicture) -> Bool {
        guard width == other.width, height == other.height, let mine = unsafe bytes.baseAddress,
            let others = unsafe other.bytes.baseAddress
        else { return false }
        return unsafe memcmp(mine, others, bytes.count) == 0
    }

    /// A frame of these pixels, not a copy of them.
    func frame(capturedAt: MonotonicInstant, sequence: UInt32) -> VideoFrame {
        let plane = unsafe VideoFrame.Plane(bytes: UnsafeRawBufferPointer(bytes), stride: width * 4)
        return unsafe VideoFrame(
            format: .bgrx, width: width, height: height, planes: [plane], capturedAt: capturedAt, sequence: sequence,
            release: { withExtendedLifetime(self) {} })
    }
}

/// The numbers of buffers that nobody uses. Any thread.
final class FreeSlots: Sendable {
    private let slots = Mutex<[Int]>([])

    func put(_ slot: Int) { slots.withLock { $0.append(slot) } }

    /// Takes the free slot that costs least.
    func take(cheapestBy cost: (Int) -> Int) -> Int? {
        slots.withLock { slots in
            guard let index = slots.indices.min(by: { cost(slots[$0]) < cost(slots[$1]) }) else { return nil }
            return slots.remove(at: index)
        }
    }
}

/// Memory shared with the X server, unmapped with the last reference.
@safe
private final class SharedMapping: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer

    /// - `descriptor`: a memory file of at least `size` bytes.
    init?(descriptor: Int32, size: Int) {
        let address = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else { return nil }
        unsafe bytes = UnsafeMutableRawBufferPointer(start: address, count: size)
    }

    deinit { unsafe munmap(bytes.baseAddress, bytes.count) }
}

/// The shared-memory pictures of one size, into which the server writes.
///
/// Each remembers the rows that changed on the screen since it was last written: only those are fetched again.
/// - Thread: the session's; pictures may be dropped on any.
final class SharedPictures {
    private struct Buffer {
        let segment: xcb_shm_seg_t
        let mapping: SharedMapping
        var stale: Range<Int>
    }

    /// One is shown again while nothing changes, one is on its way through the pipeline, one is being written.
    static let limit = 4

    let width: Int
    let height: Int
    private let connection: X11Connection
    private let free = FreeSlots()
    private var buffers: [Buffer] = []

    init(_ connection: X11Connection, width: Int, height: Int) {
        self.connection = connection
        self.width = width
        self.height = height
    }

    /// Pictures that are still held keep their memory.
    func close() {
        for buffer in buffers { _ = unsafe xcb_shm_detach(connection.handle, buffer.segment) }
        buffers = []
    }

    /// Whether memory could be had at all.
    var isUsable: Bool { !buffers.isEmpty }

    /// - Returns: the buffer with the fewest rows to fetch, nil while all are held.
    func acquire() -> Int? {
        if let slot = free.take(cheapestBy: { buffers[$0].stale.count }) { return slot }
        guard buffers.count < Self.limit else { return nil }
        let size = width * height * 4
        let descriptor = xcb_shim_memory(size)
        guard descriptor >= 0 else { return nil }
        guard let mapping = SharedMapping(descriptor: descriptor, size: size) else {
            close(descriptor)
            return nil
        }
        let segment = connection.newID()
        // Closes the descriptor. A refusal shows at the first grab.
        _ = unsafe xcb_shm_attach_fd(connection.handle, segment, descriptor, 0)
        buffers.append(Buffer(segment: segment, mapping: mapping, stale: 0..<height))
        return buffers.count - 1
    }

    /// Gives back a buffer that came to nothing.
    func putBack(_ slot: Int) { free.put(slot) }

    func segment(_ slot: Int) -> xcb_shm_seg_t { buffers[slot].segment }

    func staleRows(_ slot: Int) -> Range<Int> { buffers[slot].stale }

    /// The screen changed in these rows.
    func markStale(_ rows: Range<Int>) {
        for slot in buffers.indices { buffers[slot].stale = buffers[slot].stale.union(rows) }
    }

    /// The picture of a buffer that was written.
    /// - `drawn`: rows that will hold more than the screen's pixels (the cursor).
    func picture(_ slot: Int, drawn: Range<Int>) -> ScreenPicture {
        buffers[slot].stale = drawn
        let mapping = buffers[slot].mapping
        let free = free
        return unsafe ScreenPicture(bytes: mapping.bytes, width: width, height: height) {
            withExtendedLifetime(mapping) { free.put(slot) }
        }
    }

    private func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }
}

extension Range<Int> {
    /// The smallest range that holds both.
    func union(_ other: Range<Int>) -> Range<Int> {
        if isEmpty { return other }
        if other.isEmpty { return self }
        return Swift.min(lowerBound, other.lowerBound)..<Swift.max(upperBound, other.upperBound)
    }
}
