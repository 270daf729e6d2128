import Foundation
import Media
import Testing

@testable import V4L2

@Suite("Cameras that fail", .enabled(if: DeviceLab.isHere), .serialized)
struct CameraFaultTests {
    let devices = V4L2Devices()
    static let path = "/dev/video0"

    private func camera() async throws -> any VideoDevice { try await devices.device(DeviceID(Self.path)) }

    /// Makes vivid fail by one of its controls.
    private func inject(_ control: String, _ value: Int = 1) async throws {
        let result = try await DeviceLab.run("v4l2-ctl", "--device", Self.path, "--set-ctrl", "\(control)=\(value)")
        #expect(result.status == 0, "\(result.errors)")
    }

    /// A whole rejoin works.
    private func expectRejoin(_ camera: any VideoDevice, sourceLocation: SourceLocation = #_sourceLocation) async throws
    {
        let probe = CameraProbe()
        _ = try await probe.start(camera)
        #expect(await probe.frames(3), sourceLocation: sourceLocation)
        await camera.stop(.release)
    }

    @Test("A camera unplugged while it streams ends with an error, and works again once it is back")
    func unplugged() async throws {
        let camera = try await camera()
        let probe = CameraProbe()
        _ = try await probe.start(camera)
        #expect(await probe.frames(3))
        // Unbinding ends only when nobody has the camera open: that it ends proves that the device is closed.
        let unplug = LabDevice.cameras.pullOut()
        #expect(await probe.wait { $0.ended != nil })
        #expect(probe.seen.ended?.code == .disconnected)
        #expect(await unplug.end() == nil)

        let gone = await #expect(throws: DeviceError.self) { try await CameraProbe().start(camera) }
        #expect(gone?.code == .noDevice)
        await LabDevice.cameras.putBack()
        try await expectRejoin(camera)
    }

    @Test("A camera unplugged while it is warm is found again when it is back")
    func unpluggedWarm() async throws {
        let camera = try await camera()
        let probe = CameraProbe()
        _ = try await probe.start(camera)
        #expect(await probe.frames(1))
        await camera.stop(.warm)
        let unplug = LabDevice.cameras.pullOut()
        #expect(await gone(Self.path))
        let error = await #expect(throws: DeviceError.self) { try await CameraProbe().start(camera) }
        #expect(error?.code == .noDevice)
        #expect(await unplug.end() == nil)
        await LabDevice.cameras.putBack()
        try await expectRejoin(camera)
    }

    private func gone(_ path: String) async -> Bool {
        for _ in 0..<500 where FileManager.default.fileExists(atPath: path) {
            try? await Task.sleep(for: .milliseconds(20))
        }
        return !FileManager.default.fileExists(atPath: path)
    }

    @Test("vivid's own disconnection ends the stream, and a rejoin finds the camera")
    func disconnected() async throws {
        let camera = try await camera()
        let probe = CameraProbe()
        _ = try await probe.start(camera)
        #expect(await probe.frames(3))
        try await inject("disconnect")
        #expect(await probe.wait { $0.ended != nil })
        #expect(probe.seen.ended?.code == .disconnected)
        try await expectRejoin(camera)
    }

    @Test("A fatal error of the stream ends it once, and a rejoin works")
    func fatal() async throws {
        let camera = try await camera()
        let probe = CameraProbe()
        _ = try await probe.start(camera)
        #expect(await probe.frames(3))
        try await inject("inject_fatal_streaming_error")
        #expect(await probe.wait { $0.ended != nil })
        let error = probe.seen.ended
        #expect(error?.code == .failed && error?.errno == EIO, "\(String(describing: error))")
        await camera.stop(.warm)
        #expect(probe.seen.events.count == 1)
        try await expectRejoin(camera)
    }

    @Test(
        "A driver that refuses the start is told, by the request that it refused; the next start works",
        arguments: [
            ("inject_vidioc_streamon_error", "VIDIOC_STREAMON"), ("inject_vidioc_reqbufs_error", "VIDIOC_REQBUFS"),
            ("inject_vidioc_qbuf_error", "VIDIOC_QBUF"),
        ])
    func refusedStart(control: String, call: String) async throws {
        let camera = try await camera()
        try await inject(control)
        let error = await #expect(throws: DeviceError.self) { try await CameraProbe().start(camera) }
        #expect(error?.code == .failed)
        #expect(error?.operation == call)
        try await expectRejoin(camera)
    }

    @Test("A buffer that the driver refuses once while it streams is given back again")
    func refusedBuffer() async throws {
        let camera = try await camera()
        let probe = CameraProbe()
        _ = try await probe.start(camera)
        #expect(await probe.frames(2))
        try await inject("inject_vidioc_qbuf_error")
        let count = probe.seen.frames.count
        #expect(await probe.frames(count + 8))
        #expect(probe.seen.events.isEmpty)
        await camera.stop(.release)
    }

    @Test("A damaged frame is dropped and counted, and the stream goes on")
    func damagedFrame() async throws {
        let camera = try await camera()
        let probe = CameraProbe()
        _ = try await probe.start(camera)
        #expect(await probe.frames(2))
        let before = camera.statistics.dropped
        try await inject("inject_v4l2_buf_flag_error")
        let count = probe.seen.frames.count
        #expect(await probe.frames(count + 5))
        #expect(camera.statistics.dropped > before)
        #expect(probe.seen.events.isEmpty)
        await camera.stop(.release)
    }

    @Test("Frames that the driver drops are counted by the gaps of its sequence")
    func droppedFrames() async throws {
        let camera = try await camera()
        let probe = CameraProbe()
        try await inject("percentage_of_dropped_buffers", 50)
        do {
            _ = try await probe.start(camera)
            #expect(await probe.frames(20))
        }
        await camera.stop(.release)
        try await inject("percentage_of_dropped_buffers", 0)
        let frames = probe.seen.frames
        let gaps = zip(frames, frames.dropFirst()).reduce(0) { $0 + Int64($1.1.sequence - $1.0.sequence) - 1 }
        #expect(camera.statistics.dropped == gaps)
        #expect(gaps > 2)
    }

    @Test("A camera that never delivers is told after two seconds, does not spin, and is resumed when it delivers")
    func neverStarted() async throws {
        let camera = try await camera()
        let probe = CameraProbe()
        try await inject("percentage_of_dropped_buffers", 100)
        _ = try await probe.start(camera)
        #expect(await probe.wait { $0.stalled != nil })
        #expect(probe.seen.stalled?.code == .neverStarted)
        let before = threadTime("camera")
        try await Task.sleep(for: .seconds(1))
        #expect(threadTime("camera") - before <= 2, "ticks of 10 ms in one second")
        try await inject("percentage_of_dropped_buffers", 0)
        #expect(await probe.wait { $0.events.contains(.resumed) })
        #expect(await probe.frames(3))
        await camera.stop(.release)
    }

    @Test("A camera that freezes is told after two seconds, and its stop is not held up")
    func frozen() async throws {
        let camera = try await camera()
        let probe = CameraProbe()
        _ = try await probe.start(camera)
        #expect(await probe.frames(3))
        try await inject("percentage_of_dropped_buffers", 100)
        #expect(await probe.wait { $0.stalled != nil })
        #expect(probe.seen.stalled?.code == .stalled)
        let stopping = MonotonicInstant.now()
        await camera.stop(.release)
        #expect(MonotonicInstant.now() - stopping < .seconds(1))
        try await inject("percentage_of_dropped_buffers", 0)
        try await expectRejoin(camera)
    }

    /// Processor time of this process's threads with a name, in ticks.
    private func threadTime(_ name: String) -> Int {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return tasks.reduce(0) { sum, task in
            guard let stat = try? String(contentsOfFile: "/proc/self/task/\(task)/stat", encoding: .utf8),
                stat.contains("(\(name))")
            else { return sum }
            let fields = stat.split(separator: ")")[1].split(separator: " ")
            return sum + (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0)
        }
    }

    /// Another program that streams until it is stopped.
    private func otherProgram() async throws -> RunningProgram {
        let other = try RunningProgram(
            "v4l2-ctl", ["--device", Self.path, "--stream-mmap", "--stream-count=100000", "--stream-to=/dev/null"])
        for _ in 0..<500 {
            let report = await devices.survey().first { $0.path == Self.path }
            if case .busy = report?.availability { break }
            try await Task.sleep(for: .milliseconds(10))
        }
        return other
    }

    @Test("A camera that another program streams from is busy, and the error names the program")
    func busy() async throws {
        let camera = try await camera()
        let other = try await otherProgram()
        let holder = DeviceHolder(program: "v4l2-ctl", processID: other.id)
        #expect(await devices.survey().first?.availability == .busy(holder))
        let error = await #expect(throws: DeviceError.self) { try await CameraProbe().start(camera) }
        #expect(error?.code == .busy)
        #expect(error?.description.contains("held by v4l2-ctl (pid \(other.id))") == true)
        try await other.stop(SIGKILL)
        #expect(await devices.survey().first?.availability == .free)
        try await expectRejoin(camera)
    }

    @Test("A start waits for a camera that becomes free")
    func becomesFree() async throws {
        let camera = try await camera()
        let other = try await otherProgram()
        let probe = CameraProbe()
        var target = VideoTarget.lab
        target.busyRetry = .seconds(20)
        async let started = probe.start(camera, target)
        try await other.stop(SIGKILL)
        _ = try await started
        #expect(await probe.frames(2))
        await camera.stop(.release)
    }

    @Test("A start that waits for a busy camera ends at once when it is cancelled or the camera is stopped")
    func cancelled() async throws {
        let camera = try await camera()
        let other = try await otherProgram()
        var target = VideoTarget.lab
        target.busyRetry = .seconds(60)
        for isCancelling in [true, false] {
            let start = Task { [target] in try await CameraProbe().start(camera, target) }
            try await Task.sleep(for: .milliseconds(100))
            let asked = MonotonicInstant.now()
            if isCancelling { start.cancel() } else { await camera.stop(.release) }
            let result = await start.result
            #expect(MonotonicInstant.now() - asked < .seconds(2))
            #expect(throws: DeviceError.self) { try result.get() }
            if case .failure(let error as DeviceError) = result { #expect(error.code == .cancelled) }
        }
        try await other.stop(SIGKILL)
        try await expectRejoin(camera)
    }
}
