import Glibc
import Media
import Synchronization

/// The driver's memory of one camera: filled by the driver, handed on as frames, given back when they are dropped.
///
/// A frame may outlive the stream, and even the device: when the camera is closed, what is still held becomes ordinary
/// memory at the same address, so that no mapping keeps the device open.
///
/// - Thread: ``release(_:)`` any; all else the camera's thread.
final class CameraBuffers: Sendable {
    private enum Place { case idle, queued, held }

    private struct State {
        var places: [Place]
        var isStreaming = false
        var isRetired = false
        /// The driver refused a buffer: the stream cannot go on for long.
        var failure: KernelError?
        var wakeup: Wakeup?
        /// The driver has had a buffer since it was started: before that poll answers POLLERR (vb2_core_poll).
        var isPollable = false
        /// Since when the driver has had no buffer to fill.
        var starvedSince: MonotonicInstant?
        var starvedFor: Duration = .zero
    }

    private let kernel: any V4L2Kernel
    private let descriptor: Int32
    private let api: BufferAPI
    /// By buffer, by plane.
    let memory: [[DriverMemory]]
    private let state: Mutex<State>

    /// Asks the driver for buffers and maps them.
    init(
        _ kernel: any V4L2Kernel, _ descriptor: Int32, _ api: BufferAPI, count: Int, planes: Int
    ) throws(KernelError) {
        let granted = try kernel.requestBuffers(descriptor, api, count: count)
        guard granted > 0 else { throw KernelError("VIDIOC_REQBUFS", ENOMEM) }
        var memory: [[DriverMemory]] = []
        do throws(KernelError) {
            for index in 0..<granted {
                memory.append([])
                for mapping in try kernel.buffer(descriptor, api, index: index, planes: planes) {
                    memory[index].append(try kernel.map(descriptor, mapping))
                }
            }
        } catch {
            for plane in memory.joined() { kernel.unmap(plane) }
            _ = try? kernel.requestBuffers(descriptor, api, count: 0)
            throw error
        }
        self.kernel = kernel
        self.descriptor = descriptor
        self.api = api
        self.memory = memory
        state = Mutex(State(places: Array(repeating: .idle, count: granted)))
    }

    /// Gives the driver all buffers that nobody holds and starts it.
    /// - `wakeup`: signalled when a released frame ends a famine or cannot be given back.
    func start(_ wakeup: Wakeup) throws(KernelError) {
        try state.withLock { state throws(KernelError) in
            state.failure = nil
            state.wakeup = wakeup
            state.starvedSince = nil
            state.starvedFor = .zero
            state.isPollable = false
            for index in state.places.indices where state.places[index] == .idle { try queue(index, &state) }
            try kernel.stream(descriptor, api, on: true)
            state.isStreaming = true
            if !state.places.contains(.queued) { state.starvedSince = kernel.now() }
        }
    }

    /// Stops the driver. Buffers and mappings stay for another ``start(_:)``.
    func stop() {
        state.withLock { state in
            state.isStreaming = false
            state.wakeup = nil
            // A driver that has lost its device refuses; there is nothing to stop then.
            try? kernel.stream(descriptor, api, on: false)
            // STREAMOFF takes all buffers out of the driver's queues.
            for index in state.places.indices where state.places[index] == .queued { state.places[index] = .idle }
        }
    }

    /// Ends the use of the driver's memory, before the descriptor is closed.
    func retire() {
        stop()
        state.withLock { state in
            guard !state.isRetired else { return }
            state.isRetired = true
            for (index, place) in state.places.enumerated() {
                for plane in memory[index] {
                    if place == .held { detach(plane) } else { kernel.unmap(plane) }
                }
            }
        }
        // Where a copy could not be made (out of memory) this leaves the device free for others all the same.
        _ = try? kernel.requestBuffers(descriptor, api, count: 0)
    }

    private func detach(_ plane: DriverMemory) {
        // Without memory for a copy the mapping stays until the frame is dropped.
        try? kernel.detach(plane)
    }

    /// A filled buffer: it is ours until released.
    func took(_ index: Int) {
        state.withLock { state in
            state.places[index] = .held
            if !state.places.contains(.queued), state.starvedSince == nil { state.starvedSince = kernel.now() }
        }
    }

    /// Gives a buffer back. Any thread: the one that drops a frame's last reference.
    func release(_ index: Int) {
        state.withLock { state in
            state.places[index] = .idle
            if state.isRetired {
                for plane in memory[index] { kernel.unmap(plane) }
                return
            }
            guard state.isStreaming, state.failure == nil else { return }
            do throws(KernelError) {
                try queue(index, &state)
            } catch {
                // A driver short of memory for a moment refuses once; more is the stream's end, told by its thread.
                do throws(KernelError) { try queue(index, &state) } catch {
                    state.failure = error
                    state.wakeup?.signal()
                }
            }
            if let since = state.starvedSince {
                state.starvedSince = nil
                state.starvedFor += kernel.now() - since
                state.wakeup?.signal()
            }
        }
    }

    private func queue(_ index: Int, _ state: inout State) throws(KernelError) {
        try kernel.queue(descriptor, api, index: index, planes: memory[index].count)
        state.places[index] = .queued
        state.isPollable = true
    }

    /// Why buffers cannot be given back any more.
    var failure: KernelError? { state.withLock { $0.failure } }

    var isPollable: Bool { state.withLock { $0.isPollable } }

    /// Whether the driver has a buffer to fill.
    var hasQueued: Bool { state.withLock { $0.places.contains(.queued) } }

    /// How long the driver has had no buffer, since this was last asked.
    func takeStarvation() -> Duration {
        state.withLock { state in
            let time = state.starvedFor
            state.starvedFor = .zero
            return time
        }
    }
}
