import Foundation
import Media
import Synchronization
import Testing

@testable import V4L2

/// Against a scripted kernel: what a driver may answer, and what comes of it.
@Suite("A camera's stream")
struct CameraStreamTests {
    let kernel = ScriptedKernel()
    let probe = FrameProbe()

    private func start(_ camera: V4L2Camera) async throws -> VideoStreamInfo {
        try await probe.start(camera, .scripted)
    }

    private func now() -> MonotonicInstant { kernel.now() }

    private func ended(_ code: DeviceError.Code) async -> Bool {
        await probe.event { if case .ended(let error) = $0 { error.code == code } else { false } }
    }

    private func expectClosed() {
        kernel.state.withLock { state in
            #expect(state.openDescriptors.isEmpty)
            #expect(!state.isStreaming)
        }
    }

    @Test("Frames are counted, gaps and damaged and short ones as dropped")
    func counting() async throws {
        let camera = V4L2Camera.scripted(kernel)
        _ = try await start(camera)
        kernel.push(
            .filled(sequence: 0, at: now()), .filled(sequence: 1, at: now(), isDamaged: true),
            .filled(sequence: 2, at: now(), used: 100), .filled(sequence: 5, at: now()))
        #expect(await probe.frame(2)?.sequence == 5)
        #expect(camera.statistics.frames == 2)
        #expect(camera.statistics.dropped == 4)
        await camera.stop(.release)
        expectClosed()
    }

    @Test("A frame older than the start is not delivered")
    func stale() async throws {
        let camera = V4L2Camera.scripted(kernel)
        _ = try await start(camera)
        kernel.push(.filled(sequence: 0, at: now() - .milliseconds(40)), .filled(sequence: 1, at: now()))
        #expect(await probe.frame(1)?.sequence == 1)
        await camera.stop(.release)
    }

    @Test(
        "A driver that loses its device ends the stream with its error, and the camera is closed",
        arguments: [(ENODEV, DeviceError.Code.disconnected), (EINVAL, .failed), (EPROTO, .failed)])
    func dequeueFails(code: Int32, expected: DeviceError.Code) async throws {
        let camera = V4L2Camera.scripted(kernel)
        _ = try await start(camera)
        kernel.push(.failure(code))
        #expect(await ended(expected))
        expectClosed()
        await camera.stop(.warm)
        expectClosed()
        #expect(probe.events.count == 1)
    }

    @Test("A driver's passing EIO is a frame lost; one that does not pass ends the stream")
    func passingEIO() async throws {
        let camera = V4L2Camera.scripted(kernel)
        _ = try await start(camera)
        kernel.push(.failure(EIO), .failure(EIO), .filled(sequence: 0, at: now()))
        #expect(await probe.frame(1) != nil)
        #expect(camera.statistics.dropped == 2)
        for _ in 0..<11 { kernel.push(.failure(EIO)) }
        #expect(await ended(.failed))
        expectClosed()
    }

    @Test("POLLERR for ever ends the stream instead of spinning", arguments: [0, ENODEV])
    func broken(capability: Int32) async throws {
        let camera = V4L2Camera.scripted(kernel)
        _ = try await start(camera)
        kernel.change {
            $0.isBroken = true
            $0.answers["VIDIOC_QUERYCAP"] = [capability]
        }
        #expect(await ended(capability == 0 ? .failed : .disconnected))
        expectClosed()
    }

    @Test("A driver that wakes us for nothing is waited out, and told as a camera that never started")
    func wokenForNothing() async throws {
        let camera = V4L2Camera.scripted(kernel)
        _ = try await start(camera)
        // Each is answered with a pause of a millisecond, by which the clock goes on.
        for _ in 0..<2_100 { kernel.push(.nothing) }
        #expect(await probe.event { if case .stalled(let error) = $0 { error.code == .neverStarted } else { false } })
        await camera.stop(.release)
    }

    @Test("No frame for two seconds is told once, and the next frame as resumed")
    func frozen() async throws {
        let camera = V4L2Camera.scripted(kernel)
        _ = try await start(camera)
        kernel.push(.filled(sequence: 0, at: now()))
        _ = await probe.frame(1)
        kernel.advance(.milliseconds(1_999))
        #expect(probe.events.isEmpty)
        kernel.advance(.milliseconds(2))
        #expect(await probe.event { if case .stalled(let error) = $0 { error.code == .stalled } else { false } })
        kernel.advance(.seconds(60))
        kernel.push(.filled(sequence: 1, at: now()))
        #expect(await probe.event { $0 == .resumed })
        #expect(probe.events.count == 2)
        await camera.stop(.release)
    }

    @Test("A driver that names a buffer which it has not got ends the stream")
    func wrongBuffer() async throws {
        let camera = V4L2Camera.scripted(kernel)
        _ = try await start(camera)
        kernel.push(.buffer(index: 9))
        #expect(await ended(.failed))
    }

    @Test("A buffer that cannot be given back is tried twice; then the stream ends")
    func refusedBuffer() async throws {
        let camera = V4L2Camera.scripted(kernel)
        _ = try await start(camera)
        kernel.change { $0.answers["VIDIOC_QBUF"] = [EINVAL] }
        kernel.push(.filled(sequence: 0, at: now()))
        _ = await probe.frame(1)
        probe.dropFrames()
        kernel.push(.filled(sequence: 1, at: now()))
        _ = await probe.frame(2)
        #expect(probe.events.isEmpty)
        kernel.change { $0.answers["VIDIOC_QBUF"] = [EINVAL, EINVAL] }
        probe.dropFrames()
        #expect(await ended(.failed))
        expectClosed()
    }

    @Test("Frames outlive the stream, and their memory goes with the last of them")
    func outliving() async throws {
        let camera = V4L2Camera.scripted(kernel)
        _ = try await start(camera)
        kernel.push(.filled(sequence: 0, at: now()))
        var frame = await probe.frame(1)
        probe.dropFrames()
        await camera.stop(.release)
        expectClosed()
        #expect(kernel.state.withLock { $0.mapped } == 1)
        #expect(frame.map { unsafe $0.planes[0].bytes.allSatisfy { $0 == 0x80 } } == true)
        frame = nil
        #expect(kernel.state.withLock { $0.mapped } == 0)
    }

    @Test("A warm rejoin is a buffer each and STREAMON; a cold one asks for no list and sets nothing")
    func rejoins() async throws {
        let camera = V4L2Camera.scripted(kernel)
        #expect(try await start(camera).reused == false)
        await camera.stop(.warm)
        kernel.forgetCalls()
        #expect(try await start(camera).reused == true)
        #expect(kernel.calls == Array(repeating: "VIDIOC_QBUF", count: 4) + ["VIDIOC_STREAMON"])
        await camera.stop(.release)
        kernel.forgetCalls()
        #expect(try await start(camera).reused == false)
        let cold = Set(kernel.calls)
        #expect(cold.isDisjoint(with: ["VIDIOC_ENUM_FMT", "VIDIOC_S_FMT", "VIDIOC_S_PARM", "VIDIOC_TRY_FMT"]))
        await camera.stop(.release)
    }

    @Test("A warm handle of another size is not used")
    func warmOfAnotherSize() async throws {
        let camera = V4L2Camera.scripted(kernel)
        _ = try await start(camera)
        await camera.stop(.warm)
        let info = try await probe.start(camera, VideoTarget(width: 320, height: 180, framesPerSecond: 30))
        #expect(!info.reused)
        await camera.stop(.release)
        expectClosed()
    }

    @Test("A camera that another program holds is tried every 10 ms, and no longer than asked")
    func busy() async throws {
        let camera = V4L2Camera.scripted(kernel)
        kernel.change { $0.answers["VIDIOC_S_FMT"] = Array(repeating: EBUSY, count: 1_000) }
        let before = now()
        let error = await #expect(throws: DeviceError.self) { try await start(camera) }
        #expect(error?.code == .busy)
        #expect(now() - before == .milliseconds(500))
        #expect(kernel.calls.count { $0 == "VIDIOC_S_FMT" } == 51)
        expectClosed()
        kernel.change { $0.answers["VIDIOC_S_FMT"] = [EBUSY, EBUSY] }
        _ = try await start(camera)
        await camera.stop(.release)
    }

    @Test("Without room on the bus a smaller mode is taken; without any, the error says so")
    func bandwidth() async throws {
        kernel.change {
            $0.modes = [
                ("YUYV", 640, 360, Fraction(1, 30)), ("YUYV", 640, 360, Fraction(1, 15)),
                ("YUYV", 320, 180, Fraction(1, 30)),
            ]
            $0.answers["VIDIOC_STREAMON"] = [ENOSPC]
        }
        let camera = V4L2Camera.scripted(kernel)
        let info = try await start(camera)
        #expect(info.width == 640 && info.framesPerSecond == 15 && info.isReduced)
        await camera.stop(.release)
        // Still full: what it had is what it gets. With room: what is wanted, by one start of the driver, also later.
        for (answers, rate) in [([ENOSPC], 15.0), ([], 30), ([], 30), ([ENOSPC], 15)] as [([Int32], Double)] {
            kernel.change { $0.answers["VIDIOC_STREAMON"] = answers }
            kernel.forgetCalls()
            let next = try await start(camera)
            #expect(next.width == 640 && next.framesPerSecond == rate && next.isReduced == !answers.isEmpty)
            #expect(kernel.calls.count { $0 == "VIDIOC_STREAMON" } == answers.count + 1)
            await camera.stop(.release)
        }
        kernel.change { $0.answers["VIDIOC_STREAMON"] = Array(repeating: ENOSPC, count: 100) }
        let error = await #expect(throws: DeviceError.self) { try await start(camera) }
        #expect(error?.code == .noBandwidth)
        expectClosed()
        #expect(kernel.state.withLock { $0.mapped } == 0)
    }

    @Test(
        "Each refusal of the kernel is the error that a person can act on",
        arguments: [
            ("open", EACCES, DeviceError.Code.permissionDenied), ("open", ENODEV, .noDevice),
            ("VIDIOC_S_FMT", ENODEV, .disconnected), ("VIDIOC_REQBUFS", ENOMEM, .failed), ("mmap", ENOMEM, .failed),
            ("VIDIOC_QBUF", EIO, .failed), ("VIDIOC_STREAMON", EIO, .failed), ("VIDIOC_STREAMON", EPIPE, .failed),
        ])
    func refusals(call: String, code: Int32, expected: DeviceError.Code) async throws {
        let camera = V4L2Camera.scripted(kernel)
        if call == "open" {
            kernel.change { $0.nodes["/script/video0"] = code }
        } else {
            kernel.change { $0.answers[call] = [code] }
        }
        let error = await #expect(throws: DeviceError.self) { try await start(camera) }
        #expect(error?.code == expected)
        #expect(error?.errno == code)
        if code == EACCES { #expect(error?.advice?.contains("group video") == true) }
        expectClosed()
        #expect(kernel.state.withLock { $0.mapped } == 0)
    }

    @Test("A camera that got another number is found by its id")
    func renumbered() async throws {
        let folder = try DeviceFolder("video0", "video7")
        let camera = V4L2Camera.scripted(kernel, dev: folder.path)
        kernel.change { $0.nodes = ["\(folder.path)/video7": 0] }
        let info = try await start(camera)
        #expect(info.device == "usb-0000:00:14.0-1")
        await camera.stop(.release)
        #expect(camera.path == "\(folder.path)/video7")
    }

    @Test("Another camera at the same path is not taken for this one")
    func anotherCamera() async throws {
        let camera = V4L2Camera.scripted(kernel)
        kernel.change { $0.capability.bus = "usb-0000:00:14.0-2" }
        let error = await #expect(throws: DeviceError.self) { try await start(camera) }
        #expect(error?.code == .noDevice)
    }

    @Test("A task that is cancelled before it starts opens nothing")
    func cancelledBefore() async throws {
        let camera = V4L2Camera.scripted(kernel)
        let start = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            return try await FrameProbe().start(camera, .scripted)
        }
        let error = await #expect(throws: DeviceError.self) { try await start.value }
        #expect(error?.code == .cancelled)
        #expect(kernel.calls.isEmpty)
    }

    @Test(
        "An impossible target is refused",
        arguments: [
            VideoTarget(width: 0, height: 360, framesPerSecond: 30), .init(width: 640, height: -1, framesPerSecond: 30),
            .init(width: 640, height: 360, framesPerSecond: 0), .init(width: 640, height: 360, framesPerSecond: .nan),
            .init(width: .max, height: .max, framesPerSecond: 30),
            .init(width: 640, height: 360, framesPerSecond: .infinity),
        ])
    func impossible(target: VideoTarget) async throws {
        let camera = V4L2Camera.scripted(kernel)
        let error = await #expect(throws: DeviceError.self) { try await probe.start(camera, target) }
        #expect(error?.code == .invalidArgument)
    }

    @Test("Stopping is harmless from any state and any number of times; starts and stops from many tasks end closed")
    func anyState() async throws {
        let camera = V4L2Camera.scripted(kernel)
        await camera.stop(.release)
        await camera.stop(.warm)
        await withTaskGroup { group in
            for index in 0..<60 {
                group.addTask {
                    if index % 3 == 0 {
                        await camera.stop(index % 2 == 0 ? .warm : .release)
                    } else {
                        _ = try? await FrameProbe().start(camera, .scripted)
                    }
                }
            }
        }
        await camera.stop(.release)
        expectClosed()
        #expect(kernel.state.withLock { $0.mapped } == 0)
    }
}
