import Media
import Reprise
import Testing

@Suite("Faults of a camera in the middle of a call", .enabled(if: DeviceLab.isHere), .serialized)
struct CallPictureFaultTests {
    @Test("frames arrive with increasing sequence and time")
    func sequence() async throws {
        let lab = try await CallInLab(.camera)
        try await lab.join()
        let first = try #require(lab.call.statistics?.camera?.stream)
        let more = await reached { (lab.call.statistics?.camera?.stream.frames ?? 0) > first.frames + 20 }
        #expect(more)
        let last = try #require(lab.call.statistics?.camera?.stream)
        let from = try #require(first.firstFrameAt)
        let to = try #require(last.lastFrameAt)
        #expect(to > from)
        await lab.leave()
    }

    /// What the driver is told to do to the stream, and what the call tells then.
    struct Injection: Sendable, CustomTestStringConvertible {
        var control: String
        var codes: [DeviceError.Code]
        var testDescription: String { control }
    }

    @Test(
        "a start that the driver refuses is a typed error, the call lives, and the next start works",
        arguments: [
            Injection(control: "inject_vidioc_streamon_error", codes: [.failed, .busy, .disconnected]),
            Injection(control: "inject_vidioc_qbuf_error", codes: [.failed, .busy, .disconnected]),
            Injection(control: "inject_vidioc_reqbufs_error", codes: [.failed, .busy, .disconnected]),
        ])
    func refusedStart(injection: Injection) async throws {
        let lab = try await CallInLab(.camera)
        try await lab.join()
        try await lab.call.camera.disable()
        try await inject(injection.control, "1")
        do {
            try await lab.call.camera.enable()
            // The driver forgets an injected error with the call that it failed; a start that tries again gets past it.
        } catch {
            #expect(injection.codes.contains(error.code), "\(error)")
            #expect(lab.call.camera.error == error)
            #expect(lab.call.state.errors.value.contains { $0.code == .device })
        }
        #expect(lab.call.state.connection.value == .joined)
        try await lab.call.camera.enable()
        try await lab.allDeliver()
        await lab.leave()
        try await lab.join()
        await lab.leave()
    }

    @Test("a fatal stream error ends the picture with a typed error, the call lives, and a rejoin works")
    func fatal() async throws {
        let lab = try await CallInLab(.camera)
        try await lab.join()
        try await inject("inject_fatal_streaming_error", "1")
        let isTold = await reached { lab.call.camera.error != nil }
        #expect(isTold)
        #expect(lab.call.camera.error?.code == .failed, "\(String(describing: lab.call.camera.error))")
        #expect(lab.call.camera.status == .disabled)
        #expect(lab.call.state.connection.value == .joined)
        await lab.leave()
        try await lab.join()
        await lab.leave()
    }

    @Test(
        "damaged and dropped frames are counted, and the picture goes on",
        arguments: [("inject_v4l2_buf_flag_error", "1"), ("percentage_of_dropped_buffers", "50")])
    func damaged(control: String, value: String) async throws {
        let lab = try await CallInLab(.camera)
        try await lab.join()
        let before = lab.call.statistics?.camera?.stream.dropped ?? 0
        try await inject(control, value)
        let isCounted = await reached { (lab.call.statistics?.camera?.stream.dropped ?? 0) > before }
        #expect(isCounted, "\(String(describing: lab.call.statistics?.camera))")
        try await inject("percentage_of_dropped_buffers", "0")
        #expect(lab.call.camera.error == nil)
        try await lab.allDeliver()
        await lab.leave()
    }

    @Test("a camera that disconnects is told as such, the call lives, and a rejoin works once it is back")
    func disconnect() async throws {
        let lab = try await CallInLab(.camera)
        try await lab.join()
        try await inject("disconnect", "1")
        let isTold = await reached { lab.call.camera.error != nil }
        #expect(isTold && lab.call.camera.error?.code == .disconnected, "\(String(describing: lab.call.camera.error))")
        #expect(lab.call.state.connection.value == .joined)
        await lab.leave()
        #expect(await LabDevice.cameras.pullOut().end() == nil)
        await LabDevice.cameras.putBack()
        try await lab.waitUntilThere()
        try await lab.join()
        await lab.leave()
    }

    @Test("a camera that stops delivering is told as stalled, and goes on when it delivers again")
    func frozen() async throws {
        let lab = try await CallInLab(.camera)
        try await lab.join()
        try await inject("percentage_of_dropped_buffers", "100")
        let isTold = await reached { lab.call.camera.error != nil }
        #expect(isTold && lab.call.camera.error?.code == .stalled, "\(String(describing: lab.call.camera.error))")
        #expect(lab.call.state.connection.value == .joined)
        try await inject("percentage_of_dropped_buffers", "0")
        let isResumed = await reached { lab.call.camera.status == .enabled && lab.call.camera.error == nil }
        #expect(isResumed)
        try await lab.allDeliver()
        await lab.leave()
    }

    @Test("a camera that another program streams from is busy by name, the call lives, and a rejoin gets it")
    func busy() async throws {
        let lab = try await CallInLab(.camera)
        let pictures = "\(DeviceLab.shared)/busy"
        let other = try RunningProgram("v4l2-ctl", ["-d", "/dev/video0", "--stream-mmap", "--stream-to=\(pictures)"])
        let isTaken = try await reached { try await DeviceLab.run("test", "-s", pictures).status == 0 }
        #expect(isTaken)
        try await lab.call.join()
        let isTold = await reached { lab.call.camera.error != nil }
        let error = lab.call.camera.error
        #expect(isTold && error?.code == .busy, "\(String(describing: error))")
        #expect(error?.description.contains("v4l2-ctl") == true, "\(String(describing: error))")
        #expect(lab.call.state.connection.value == .joined)
        await lab.leave()
        try await other.stop()
        try await lab.join()
        await lab.leave()
    }

    private func inject(_ control: String, _ value: String) async throws {
        let result = try await DeviceLab.run("v4l2-ctl", "-d", "/dev/video0", "--set-ctrl", "\(control)=\(value)")
        #expect(result.status == 0, "\(result.errors)")
    }
}
