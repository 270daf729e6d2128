import Foundation
import Media
import Synchronization
import Testing

@testable import V4L2

/// The whole way, kernel interface included, on a camera with exact timing (Tests/IdealCamera). Each test is a process
/// of its own into which the camera is preloaded.
@Suite("On an ideal camera", .serialized)
struct IdealCameraTests {
    init() throws { try IdealCamera.preload() }

    @Test(
        "Fifty rejoins by each policy: the first frame comes after one frame's time, and is never older than the start")
    func restarts() async {
        await #expect(processExitsWith: .success) {
            let devices = V4L2Devices()
            let camera = try await devices.device("/dev/video-ideal")
            for standby in StandbyPolicy.allCases {
                var latencies: [Double] = []
                for cycle in 0..<50 {
                    let probe = FrameProbe(keeps: .max)
                    let asked = MonotonicInstant.now()
                    let info = try await probe.start(camera, VideoTarget(width: 1280, height: 720, framesPerSecond: 60))
                    #expect(info.reused == (standby == .warm && cycle > 0))
                    #expect(info.framesPerSecond == 60)
                    let first = try #require(await probe.firstFrame())
                    latencies.append((MonotonicInstant.now() - asked).milliseconds)
                    // The stamp in the picture and the driver's are the same, to the microsecond that V4L2 has.
                    let exposed = unsafe first.planes[0].bytes.loadUnaligned(fromByteOffset: 8, as: Int64.self)
                    #expect(abs(exposed - first.capturedAt.nanoseconds) <= 1_000)
                    #expect(first.capturedAt >= asked)
                    #expect(first.sequence == 0)
                    probe.dropFrames()
                    await camera.stop(standby)
                }
                await camera.stop(.release)
                latencies.sort()
                print("\(standby): first frame after \(latencies[25]) ms, p95 \(latencies[47]) ms, at 16.67 ms a frame")
                // Not before the sensor can have it; the rest is this machine's load.
                #expect(latencies[0] > 16.6)
            }
        }
    }

    @Test("A rejoin asks the driver no more than it must")
    func requests() async {
        await #expect(processExitsWith: .success) {
            let control = try IdealCamera.Control()
            let devices = V4L2Devices()
            let camera = try await devices.device("/dev/video-ideal")
            var counts: [String] = []
            for standby in [StandbyPolicy.release, .release, .warm, .warm] {
                let before = (control.requests, control.mappings)
                let probe = FrameProbe()
                _ = try await probe.start(camera, .camera)
                counts.append("\(control.requests - before.0)+\(control.mappings - before.1)")
                _ = await probe.frame(1)
                probe.dropFrames()
                await camera.stop(standby)
            }
            await camera.stop(.release)
            print("requests+mappings a start: \(counts)")
            // Warm: a buffer each, and STREAMON.
            #expect(control.isWarmStart(counts[3]))
        }
    }

    @Test("An unplugged, a frozen, a busy and a crowded camera are told, and work again afterwards")
    func faults() async {
        await #expect(processExitsWith: .success) {
            let control = try IdealCamera.Control()
            let devices = V4L2Devices()
            let camera = try await devices.device("/dev/video-ideal")
            var target = VideoTarget.camera
            target.stallAfter = .milliseconds(200)
            target.busyRetry = .milliseconds(50)

            func rejoins() async throws {
                let probe = FrameProbe()
                _ = try await probe.start(camera, target)
                #expect(await probe.frame(2) != nil)
                probe.dropFrames()
                await camera.stop(.release)
            }

            let unplugged = FrameProbe()
            _ = try await unplugged.start(camera, target)
            _ = await unplugged.frame(1)
            control.set(.vanished, 1)
            #expect(
                await unplugged.event { if case .ended(let error) = $0 { error.code == .disconnected } else { false } })
            let gone = await #expect(throws: DeviceError.self) { try await FrameProbe().start(camera, target) }
            #expect(gone?.code == .noDevice)
            control.set(.vanished, 0)
            try await rejoins()

            let frozen = FrameProbe()
            _ = try await frozen.start(camera, target)
            _ = await frozen.frame(1)
            control.set(.stalled, 1)
            #expect(await frozen.event { if case .stalled(let error) = $0 { error.code == .stalled } else { false } })
            control.set(.stalled, 0)
            // A famine of frames does not matter to a stop either.
            await camera.stop(.release)
            try await rejoins()

            control.set(.busy, 1)
            let busy = await #expect(throws: DeviceError.self) { try await FrameProbe().start(camera, target) }
            #expect(busy?.code == .busy)
            control.set(.busy, 0)
            try await rejoins()

            control.set(.noSpace, 1)
            let crowded = await #expect(throws: DeviceError.self) { try await FrameProbe().start(camera, target) }
            #expect(crowded?.code == .noBandwidth)
            control.set(.noSpace, 0)
            try await rejoins()
        }
    }

    @Test("Frames that are all held starve the driver without a spin; what is lost is counted")
    func starved() async {
        await #expect(processExitsWith: .success) {
            let devices = V4L2Devices()
            let camera = try await devices.device("/dev/video-ideal")
            let probe = FrameProbe(keeps: .max)
            _ = try await probe.start(camera, VideoTarget(width: 640, height: 360, framesPerSecond: 60))
            // All of the driver's buffers, kept.
            _ = try #require(await probe.frame(CameraOpener.bufferCount))
            let before = processTime()
            try await Task.sleep(for: .milliseconds(300))
            #expect(processTime() - before < .milliseconds(150))
            probe.dropFrames()
            #expect(await probe.frame(CameraOpener.bufferCount + 2) != nil)
            probe.dropFrames()
            await camera.stop(.release)
            #expect(camera.statistics.dropped >= 10)
        }
    }
}

/// Processor time of this process.
private func processTime() -> Duration {
    var usage = rusage()
    _ = unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return .microseconds(
        (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1_000_000 + Int(usage.ru_utime.tv_usec)
            + Int(usage.ru_stime.tv_usec))
}

/// The library that is the camera, built once a run.
enum IdealCamera {
    private static let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
        "reprise-ideal-camera-\(getpid())"
    ).path

    private static let built: Result<Void, any Error> = Result {
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../IdealCamera").standardizedFileURL.path
        let make = Process()
        make.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        make.arguments = ["make", "-s", "-C", source, "OUT=\(folder)"]
        try make.run()
        make.waitUntilExit()
        try #require(make.terminationStatus == 0)
    }

    /// Makes the processes that this one starts have the camera.
    static func preload() throws {
        guard unsafe getenv("IDEAL_CAMERA_CONTROL") == nil else { return }
        try built.get()
        unsafe setenv("IDEAL_CAMERA_CONTROL", "\(folder)/control", 1)
        unsafe setenv("LD_PRELOAD", "\(folder)/libideal_camera.so", 1)
    }

    /// The words of its control file.
    @safe
    final class Control {
        enum Fault: Int { case vanished, stalled, busy, damaged, noSpace }
        private let words: UnsafeMutablePointer<UInt32>

        init() throws {
            let path = try #require(ProcessInfo.processInfo.environment["IDEAL_CAMERA_CONTROL"])
            let descriptor = unsafe open(path, O_RDWR)
            let memory = unsafe mmap(nil, 28, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
            unsafe words = try #require(unsafe memory).assumingMemoryBound(to: UInt32.self)
            for index in 0..<7 { unsafe words[index] = 0 }
        }

        func set(_ fault: Fault, _ value: UInt32) { unsafe words[fault.rawValue] = value }
        var requests: Int { unsafe Int(words[5]) }
        var mappings: Int { unsafe Int(words[6]) }

        func isWarmStart(_ count: String) -> Bool { count == "\(CameraOpener.bufferCount + 1)+0" }
    }
}
