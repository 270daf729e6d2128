import Foundation
import Media
import Synchronization

@testable import V4L2

/// A kernel with one camera, which answers as a test says, in a time that a test moves.
///
/// A wait without a device takes no time: the clock jumps to its end.
@safe
final class ScriptedKernel: V4L2Kernel {
    /// What a dequeue answers.
    enum Frame {
        case filled(sequence: UInt32, at: MonotonicInstant?, isDamaged: Bool = false, used: Int? = nil)
        case buffer(index: Int)
        case failure(Int32)
        /// The wait says that there is something, and there is nothing.
        case nothing
    }

    struct State {
        var time = MonotonicInstant(nanoseconds: 1_000_000_000)
        /// Paths that are there, with what they say to being opened (0: fine).
        var nodes: [String: Int32] = [:]
        var capability = NodeCapability(
            driver: "script", card: "Script Camera", bus: "usb-0000:00:14.0-1", version: 1, flags: 0x0400_0001)
        var modes: [(format: FourCC, width: Int, height: Int, interval: Fraction)] = [
            ("YUYV", 640, 360, Fraction(1, 30))
        ]
        var current = BufferLayout(format: "MJPG", width: 1, height: 1, planes: [.init(stride: 0, size: 1)])
        var interval: Fraction? = Fraction(1, 30)
        /// Answers to the next calls of a request, in order; 0: succeed.
        var answers: [String: [Int32]] = [:]
        var calls: [String] = []
        var queued: [Int] = []
        var frames: [Frame] = []
        var isBroken = false
        var isStreaming = false
        var openDescriptors: Set<Int32> = []
        var mapped = 0
    }

    let state: Mutex<State>
    private let changed = Wakeup()

    init(_ change: (inout State) -> Void = { _ in }) {
        var state = State()
        state.nodes["/script/video0"] = 0
        change(&state)
        self.state = Mutex(state)
    }

    // MARK: The script

    func change(_ body: (inout State) -> Void) {
        state.withLock { body(&$0) }
        changed.signal()
    }

    func push(_ frames: Frame...) { change { $0.frames += frames } }

    func advance(_ duration: Duration) { change { $0.time = $0.time + duration } }

    var calls: [String] { state.withLock { $0.calls } }

    func forgetCalls() { state.withLock { $0.calls = [] } }

    private func answer(_ call: String) throws(KernelError) {
        let code = state.withLock { state -> Int32 in
            state.calls.append(call)
            guard var answers = state.answers[call], !answers.isEmpty else { return 0 }
            let code = answers.removeFirst()
            state.answers[call] = answers
            return code
        }
        if code != 0 { throw KernelError(call, code) }
    }

    // MARK: The kernel

    func now() -> MonotonicInstant { state.withLock { $0.time } }

    func open(_ path: String) throws(KernelError) -> Int32 {
        let code = state.withLock { $0.nodes[path] } ?? ENOENT
        if code != 0 { throw KernelError("open(\(path))", code) }
        try answer("open")
        return state.withLock { state in
            let descriptor = (state.openDescriptors.max() ?? 1_000) + 1
            state.openDescriptors.insert(descriptor)
            return descriptor
        }
    }

    func close(_ descriptor: Int32) { _ = state.withLock { $0.openDescriptors.remove(descriptor) } }

    func capability(_ descriptor: Int32) throws(KernelError) -> NodeCapability {
        try answer("VIDIOC_QUERYCAP")
        return state.withLock { $0.capability }
    }

    func wait(_ descriptor: Int32?, _ wakeup: Wakeup, _ timeout: Duration?) throws(KernelError) -> WaitResult {
        let end = timeout.map { now() + $0 }
        if descriptor == nil, let end {
            state.withLock { $0.time = end }
            return []
        }
        while true {
            let (hasFrame, isBroken, time) = state.withLock { (!$0.frames.isEmpty, $0.isBroken, $0.time) }
            if hasFrame || isBroken { return [hasFrame ? .ready : [], isBroken ? .broken : []] }
            if let end, time >= end { return [] }
            var set = [
                pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: changed.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            _ = unsafe poll(&set, 2, -1)
            if set[0].revents != 0 { return .woken }
            changed.drain()
        }
    }

    func format(_ descriptor: Int32, _ api: BufferAPI, at index: Int) throws(KernelError) -> FourCC? {
        try answer("VIDIOC_ENUM_FMT")
        return state.withLock { state in
            let formats = state.modes.map(\.format).reduce(into: [FourCC]()) { if !$0.contains($1) { $0.append($1) } }
            return formats.indices.contains(index) ? formats[index] : nil
        }
    }

    func size(_ descriptor: Int32, _ format: FourCC, at index: Int) throws(KernelError) -> FrameSize? {
        state.withLock { state in
            let modes = state.modes.filter { $0.format == format }
            guard modes.indices.contains(index) else { return nil }
            let (width, height) = (modes[index].width, modes[index].height)
            return FrameSize(width: width...width, height: height...height)
        }
    }

    func interval(
        _ descriptor: Int32, _ format: FourCC, width: Int, height: Int, at index: Int
    ) throws(KernelError) -> FrameInterval? {
        state.withLock { state in
            let modes = state.modes.filter { $0.format == format && $0.width == width && $0.height == height }
            guard modes.indices.contains(index) else { return nil }
            return FrameInterval(shortest: modes[index].interval, longest: modes[index].interval)
        }
    }

    func currentFormat(_ descriptor: Int32, _ api: BufferAPI) throws(KernelError) -> BufferLayout {
        try answer("VIDIOC_G_FMT")
        return state.withLock { $0.current }
    }

    func setFormat(
        _ descriptor: Int32, _ api: BufferAPI, _ format: FourCC, width: Int, height: Int
    ) throws(KernelError) -> BufferLayout {
        try answer("VIDIOC_S_FMT")
        return state.withLock { state in
            state.current = BufferLayout(
                format: format, width: width, height: height,
                planes: [.init(stride: format.isCompressed ? 0 : width * 2, size: width * height * 2)])
            return state.current
        }
    }

    func currentInterval(_ descriptor: Int32, _ api: BufferAPI) throws(KernelError) -> Fraction? {
        state.withLock { $0.interval }
    }

    func setInterval(_ descriptor: Int32, _ api: BufferAPI, _ interval: Fraction) throws(KernelError) -> Fraction? {
        try answer("VIDIOC_S_PARM")
        return state.withLock { state in
            state.interval = interval
            return interval
        }
    }

    func requestBuffers(_ descriptor: Int32, _ api: BufferAPI, count: Int) throws(KernelError) -> Int {
        if count > 0 { try answer("VIDIOC_REQBUFS") }
        return count
    }

    func buffer(
        _ descriptor: Int32, _ api: BufferAPI, index: Int, planes: Int
    ) throws(KernelError) -> [BufferMapping] {
        let size = state.withLock { $0.current.planes[0].size }
        return [BufferMapping(offset: 0, length: size)]
    }

    func queue(_ descriptor: Int32, _ api: BufferAPI, index: Int, planes: Int) throws(KernelError) {
        try answer("VIDIOC_QBUF")
        state.withLock { $0.queued.append(index) }
    }

    func dequeue(_ descriptor: Int32, _ api: BufferAPI, planes: Int) throws(KernelError) -> DequeuedBuffer? {
        let (next, size) = state.withLock { state in
            (state.frames.isEmpty ? Frame.nothing : state.frames.removeFirst(), state.current.planes[0].size)
        }
        switch next {
        case .nothing: return nil
        case .failure(let code): throw KernelError("VIDIOC_DQBUF", code)
        case .buffer(let index):
            return DequeuedBuffer(
                index: index, sequence: 0, timestamp: nil, isDamaged: false, planes: [.init(offset: 0, used: size)])
        case .filled(let sequence, let time, let isDamaged, let used):
            guard let index = state.withLock({ $0.queued.isEmpty ? nil : $0.queued.removeFirst() }) else { return nil }
            return DequeuedBuffer(
                index: index, sequence: sequence, timestamp: time, isDamaged: isDamaged,
                planes: [.init(offset: 0, used: used ?? size)])
        }
    }

    func stream(_ descriptor: Int32, _ api: BufferAPI, on: Bool) throws(KernelError) {
        try answer(on ? "VIDIOC_STREAMON" : "VIDIOC_STREAMOFF")
        state.withLock { state in
            state.isStreaming = on
            if !on { state.queued = [] }
        }
    }

    func map(_ descriptor: Int32, _ mapping: BufferMapping) throws(KernelError) -> DriverMemory {
        try answer("mmap")
        state.withLock { $0.mapped += 1 }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: mapping.length, alignment: 64)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0x80)
        return unsafe DriverMemory(memory)
    }

    func unmap(_ memory: DriverMemory) {
        state.withLock { $0.mapped -= 1 }
        unsafe memory.bytes.deallocate()
    }

    func detach(_ memory: DriverMemory) throws(KernelError) { try answer("mremap") }

    func control(_ descriptor: Int32, after id: UInt32) throws(KernelError) -> ControlDescription? { nil }
    func menuChoice(_ descriptor: Int32, _ control: ControlDescription, at index: Int) -> String? { nil }
    func value(_ descriptor: Int32, of control: ControlDescription) throws(KernelError) -> Int64 { 0 }
    func setValue(_ descriptor: Int32, of control: ControlDescription, to value: Int64) throws(KernelError) {}
}

/// A folder like /dev, with the files whose names a scanner looks for.
final class DeviceFolder {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path

    init(_ names: String...) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for name in names { try Data().write(to: URL(fileURLWithPath: path + "/" + name)) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

extension V4L2Camera {
    /// The scripted kernel's camera.
    static func scripted(_ kernel: ScriptedKernel, dev: String = "/nowhere") -> V4L2Camera {
        V4L2Camera(
            NodeScanner(kernel: kernel, dev: dev, sys: "/nowhere"), ModeCache(),
            VideoDeviceInfo(id: "usb-0000:00:14.0-1", name: "Script Camera", bus: "usb-0000:00:14.0-1"),
            path: "/script/video0")
    }
}

extension VideoTarget {
    static let scripted = VideoTarget(width: 640, height: 360, framesPerSecond: 30)
}
