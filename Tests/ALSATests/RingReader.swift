import Glibc
import Media
import Synchronization

/// Empties a capture ring on a thread of its own and keeps every block.
final class RingReader: Sendable {
    struct Block {
        var samples: [Int16]
        var capturedAt: MonotonicInstant
        var isAfterGap: Bool
        var readAt: MonotonicInstant
    }

    private struct State {
        var blocks: [Block] = []
        var frames = 0
        var waiters: [(frames: Int, continuation: CheckedContinuation<Void, Never>)] = []
        var isOver = false
    }

    let ring: AudioRing
    private let state = Mutex(State())
    private let stop = Wakeup()

    init(channels: Int = 1, rate: Int = 48_000) {
        ring = AudioRing(format: AudioFormat(rate: rate, channels: channels), capacity: rate)
        _ = DeviceThread(name: "ring-reader") { _ in self.read() }
    }

    private func read() {
        var descriptors = [
            pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: ring.dataReady.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        var buffer = [Int16](repeating: 0, count: 48_000 * 2)
        while unsafe poll(&descriptors, 2, -1) >= 0, descriptors[0].revents == 0 {
            ring.dataReady.drain()
            while true {
                let read = unsafe buffer.withUnsafeMutableBufferPointer {
                    unsafe ring.read(into: $0.baseAddress!, maximum: 48_000)
                }
                if read.sampleFrames == 0 { break }
                let block = Block(
                    samples: Array(buffer.prefix(read.sampleFrames * ring.format.channels)),
                    capturedAt: read.capturedAt, isAfterGap: read.isAfterGap, readAt: .now())
                let ready = state.withLock { state in
                    state.blocks.append(block)
                    state.frames += read.sampleFrames
                    let ready = state.waiters.filter { $0.frames <= state.frames }
                    state.waiters.removeAll { $0.frames <= state.frames }
                    return ready
                }
                for waiter in ready { waiter.continuation.resume() }
            }
        }
    }

    /// Returns when so many sample frames have come since the reader was made.
    func wait(frames: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.frames < frames { state.waiters.append((frames, continuation)) }
                return state.frames >= frames
            }
            if isThere { continuation.resume() }
        }
    }

    /// Returns when so many more have come.
    func wait(more frames: Int) async { await wait(frames: self.frames + frames) }

    var blocks: [Block] { state.withLock { $0.blocks } }
    var frames: Int { state.withLock { $0.frames } }
    func end() { stop.signal() }
}

/// The events of a device, awaitable.
final class EventLog: Sendable {
    private struct State {
        var events: [(event: AudioDeviceEvent, at: MonotonicInstant)] = []
        var waiters: [(matches: @Sendable (AudioDeviceEvent) -> Bool, continuation: CheckedContinuation<Void, Never>)] =
            []
    }
    private let state = Mutex(State())

    var record: @Sendable (AudioDeviceEvent) -> Void {
        { event in
            let ready = self.state.withLock { state in
                state.events.append((event, .now()))
                let ready = state.waiters.filter { $0.matches(event) }
                state.waiters.removeAll { $0.matches(event) }
                return ready.map(\.continuation)
            }
            for continuation in ready { continuation.resume() }
        }
    }

    /// Returns with the first event, so far or to come, that matches.
    func wait(_ matches: @escaping @Sendable (AudioDeviceEvent) -> Bool) async -> (
        event: AudioDeviceEvent, at: MonotonicInstant
    ) {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.events.contains(where: { matches($0.event) }) { return true }
                state.waiters.append((matches, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
        return all.first { matches($0.event) }!
    }

    var all: [(event: AudioDeviceEvent, at: MonotonicInstant)] { state.withLock { $0.events } }
}

extension AudioDeviceEvent {
    var end: DeviceError? { if case .ended(let error) = self { error } else { nil } }
    var stall: DeviceError? { if case .stalled(let error) = self { error } else { nil } }
    var isRecovery: Bool { if case .recovered = self { true } else { false } }
}
