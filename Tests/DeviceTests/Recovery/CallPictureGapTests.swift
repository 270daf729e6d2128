import Media
import Reprise
import Testing
import V4L2

@Suite(
    "Every injected fault of a camera in a running call, with the gap of each", .enabled(if: DeviceLab.isHere),
    .serialized)
struct CallPictureGapTests {
    @Test(
        "a start that the driver refuses is got past by itself",
        arguments: ["inject_vidioc_streamon_error", "inject_vidioc_qbuf_error", "inject_vidioc_reqbufs_error"])
    func refusedStart(control: String) async throws {
        let watch = try await FaultWatch(.camera)
        let camera = watch.lab.call.camera
        let fault = try VividFault(control)
        try await camera.disable()
        _ = try fault.set()
        fault.close()
        let begun = MonotonicInstant.now()
        // Whether this throws is the driver's: it forgets the fault with the request that it failed.
        try? await camera.enable()
        try await watch.running([camera], on: nil, since: begun)
        #expect(camera.recoveries.failedStarts > 0, "the fault was met")
        #expect(await watch.far.sees(after: begun))
        try watch.tell(
            "camera", control, [camera], begun: begun,
            missing: watch.far.firstPicture(after: begun).map { $0 - begun })
        await watch.end()
    }

    @Test(
        "damaged and dropped pictures are counted, and the picture goes on",
        arguments: [("inject_v4l2_buf_flag_error", Int64(1)), ("percentage_of_dropped_buffers", 50)])
    func damaged(control: String, value: Int64) async throws {
        let watch = try await FaultWatch(.camera)
        #expect(await watch.far.sees(after: .init(nanoseconds: 0)))
        let camera = watch.lab.call.camera
        let before = watch.lab.call.statistics?.camera?.stream.dropped ?? 0
        let fault = try VividFault(control)
        let begun = try fault.set(value)
        let isCounted = await reached { (watch.lab.call.statistics?.camera?.stream.dropped ?? 0) > before }
        #expect(isCounted)
        if control.hasPrefix("percentage") { _ = try fault.set(0) }
        fault.close()
        #expect(await watch.far.sees(after: .now()))
        #expect(camera.recoveries.losses == 0 && camera.error == nil)
        try watch.tell(
            "camera", control, [camera], begun: begun, isFault: false, missing: watch.far.missingPicture(after: begun))
        await watch.end()
    }

    @Test(
        "a stream that ends is taken up again, or by the next camera",
        arguments: ["inject_fatal_streaming_error", "disconnect"])
    func ends(control: String) async throws {
        let watch = try await FaultWatch(.camera)
        #expect(await watch.far.sees(after: .init(nanoseconds: 0)))
        let camera = watch.lab.call.camera
        let fault = try VividFault(control)
        let begun = try fault.set()
        fault.close()
        let next = try await watch.running([camera], on: nil, since: begun)
        #expect(await watch.far.sees(after: begun))
        #expect(camera.recoveries.losses == 1)
        try watch.tell(
            "camera", control, [camera], begun: begun, next: next, missing: watch.far.missingPicture(after: begun))
        await watch.end()
        if control == "disconnect" {
            #expect(await LabDevice.cameras.pullOut().end() == nil)
            await LabDevice.cameras.putBack()
        }
    }

    @Test("a camera that another program holds is waited for by name, and taken when that lets it go")
    func busyThenFreed() async throws {
        var routing = RoutingConfiguration()
        routing.fallsBack = false
        let lab = try await CallInLab(.camera, routing: routing)
        let camera = lab.call.camera
        let other = try RunningProgram(
            "v4l2-ctl", ["--device", "/dev/video0", "--stream-mmap", "--stream-to", "/dev/null"])
        let cameras = V4L2Devices()
        let isHeld = await reached {
            let node = await cameras.survey().first { $0.path == "/dev/video0" }
            if case .busy = node?.availability { return true }
            return false
        }
        try #require(isHeld)
        try await lab.call.join()
        let isTold = await reached { camera.error != nil }
        let error = camera.error
        #expect(isTold && error?.code == .busy && error?.description.contains("v4l2-ctl") == true, "\(error as Any)")
        #expect(camera.status != .enabled && lab.call.state.connection.value == .joined)

        let freed = MonotonicInstant.now()
        try await other.stop()
        let isTaken = await reached { camera.status == .enabled }
        try #require(isTaken, "\(camera.status), \(camera.error?.description ?? "no error")")
        try await lab.allDeliver()
        let statistics = lab.call.statistics
        let first = try #require(statistics?.camera?.stream.firstFrameAt)
        #expect(first > freed && camera.error == nil)
        try GapTable.add(
            Gap(
                device: "camera", event: "busy, then freed", delivers: first.ms(since: freed),
                then: camera.selectedDevice?.rawValue ?? "none"))
        await lab.leave()
    }

    @Test("a camera that delivers nothing any more is left for the next, step by step")
    func frozen() async throws {
        let watch = try await FaultWatch(.camera)
        #expect(await watch.far.sees(after: .init(nanoseconds: 0)))
        let camera = watch.lab.call.camera
        let fault = try VividFault("percentage_of_dropped_buffers")
        let begun = try fault.set(100)
        let isLeft = await reached(within: .seconds(40)) {
            camera.status == .enabled && camera.recoveries.switches > 0
        }
        #expect(isLeft, "\(camera.recoveries)")
        let left = MonotonicInstant.now()
        let seen = await reached { watch.far.firstPicture(after: left) != nil }
        #expect(seen)
        #expect(camera.recoveries.restarts > 0 && camera.recoveries.reopens > 0, "\(camera.recoveries)")
        try watch.tell(
            "camera", "delivers nothing", [camera], begun: begun, missing: watch.far.missingPicture(after: begun))
        _ = try fault.set(0)
        fault.close()
        #expect(await watch.far.sees(after: .now()))
        await watch.end()
    }
}
