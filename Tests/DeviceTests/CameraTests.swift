import Foundation
import Media
import Testing

@testable import V4L2

@Suite("Cameras", .enabled(if: DeviceLab.isHere), .serialized)
struct CameraTests {
    let devices = V4L2Devices()

    private func camera(_ path: String = "/dev/video0") async throws -> any VideoDevice {
        try await devices.device(DeviceID(path))
    }

    @Test("Only capture nodes are listed, each with a stable id, its modes and rates; the first is the default")
    func enumeration() async throws {
        let cameras = try await devices.devices()
        #expect(cameras.count == 3)
        #expect(cameras.map(\.isDefault) == [true, false, false])
        #expect(Set(cameras.map(\.id)).count == cameras.count)
        let first = try #require(cameras.first)
        #expect(first.id == "platform:vivid-000/0")
        #expect(first.name == "vivid")
        let mode = try #require(first.modes.first { $0.format == "YUYV" && $0.width == 640 && $0.height == 360 })
        #expect(mode.rates.contains(30) && mode.rates == mode.rates.sorted(by: >), "\(mode.rates)")
    }

    @Test("A camera is the same object under its id and its path")
    func identity() async throws {
        let byPath = try await camera()
        let byID = try await devices.device(byPath.info.id)
        #expect(byPath === byID)
        #expect(byPath.info.isDefault)
    }

    @Test(
        "Frames come with increasing sequence and time, none older than the start",
        arguments: ["/dev/video0", "/dev/video4"])
    func frames(path: String) async throws {
        let camera = try await camera(path)
        let probe = CameraProbe()
        let asked = MonotonicInstant.now()
        let info = try await probe.start(camera)
        #expect(info.width == 640 && info.height == 360)
        #expect(abs(info.framesPerSecond - 30) < 0.1)
        #expect(await probe.frames(10))
        await camera.stop(.release)
        let frames = probe.seen.frames
        #expect(frames[0].capturedAt > asked)
        #expect(
            zip(frames, frames.dropFirst()).allSatisfy { $0.sequence < $1.sequence && $0.capturedAt < $1.capturedAt })
        #expect(frames.allSatisfy { $0.width == 640 && $0.height == 360 && $0.capturedAt <= $0.arrivedAt })
        let statistics = camera.statistics
        #expect(statistics.frames == frames.count)
        #expect(statistics.firstFrameAt != nil && statistics.startedAt != nil)
    }

    @Test(
        "Every pixel format shows the same colours",
        arguments: [
            ("/dev/video0", "YUYV"), ("/dev/video0", "UYVY"), ("/dev/video0", "NV12"), ("/dev/video0", "YU12"),
            ("/dev/video0", "YV12"), ("/dev/video0", "RGB3"), ("/dev/video0", "XR24"), ("/dev/video0", "BGR4"),
            ("/dev/video0", "YVYU"), ("/dev/video0", "NV16"), ("/dev/video0", "NV61"), ("/dev/video0", "BGR3"),
            ("/dev/video4", "YUYV"), ("/dev/video4", "NM12"), ("/dev/video4", "YM12"), ("/dev/video4", "YM21"),
            ("/dev/video4", "NV12"), ("/dev/video4", "RGB3"),
        ])
    func formats(path: String, format: String) async throws {
        // Colour bars at 75 %: white, yellow, cyan, green, magenta, red, blue, black.
        let expected = [
            (180, 180, 180), (180, 180, 16), (16, 180, 180), (16, 180, 16), (180, 16, 180), (180, 16, 16),
            (16, 16, 180), (16, 16, 16),
        ]
        let frame = try await oneFrame(path, FourCC(stringLiteral: format))
        let colours = (0..<8).map { bar in frame.rgb(x: 640 * bar / 8 + 40, y: 300) }
        for (colour, wanted) in zip(colours, expected) {
            let near = abs(colour.r - wanted.0) < 40 && abs(colour.g - wanted.1) < 40 && abs(colour.b - wanted.2) < 40
            #expect(near, "\(colours)")
        }
    }

    /// One frame of a camera that is left no choice but a format.
    private func oneFrame(_ path: String, _ format: FourCC) async throws -> VideoFrame {
        let scanner = NodeScanner(kernel: LinuxV4L2Kernel())
        let cache = ModeCache()
        let node = try #require(try scanner.inspect(path))
        let mode = ModeTable.Mode(format: format, width: 640, height: 360, intervals: [Fraction(1, 30)])
        cache.keep(ModeTable(modes: [mode]), of: node)
        let camera = V4L2Camera(scanner, cache, node.info(ModeTable(), isDefault: false), path: path)
        let probe = CameraProbe(hold: 1)
        let info = try await probe.start(camera)
        #expect(info.format == format.description)
        #expect(await probe.frames(1))
        await camera.stop(.release)
        return try #require(probe.seen.held.first)
    }

    @Test("A camera is left and rejoined fifty times, and its frames are fresh", arguments: StandbyPolicy.allCases)
    func rejoins(standby: StandbyPolicy) async throws {
        let camera = try await camera()
        var slowest = Duration.zero
        for cycle in 0..<50 {
            let probe = CameraProbe()
            let asked = MonotonicInstant.now()
            let info = try await probe.start(camera)
            #expect(info.reused == (standby == .warm && cycle > 0))
            #expect(await probe.frames(2))
            let stopping = MonotonicInstant.now()
            await camera.stop(standby)
            slowest = max(slowest, MonotonicInstant.now() - stopping)
            #expect(probe.seen.frames.allSatisfy { $0.capturedAt > asked })
            #expect(probe.seen.events.isEmpty)
            #expect(try openNodes().isEmpty == (standby == .release))
        }
        await camera.stop(.release)
        #expect(try openNodes().isEmpty)
        print("stop(\(standby)): at most \(slowest.milliseconds) ms")
    }

    /// The video nodes that this process has open or mapped.
    private func openNodes() throws -> [String] {
        let links = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
        }
        let maps = try String(contentsOfFile: "/proc/self/maps", encoding: .utf8).split(separator: "\n").map(
            String.init)
        return (links + maps).filter { $0.contains("/dev/video") }
    }

    @Test("A left camera is free for another program, also while frames of it are still held")
    func releasedIsFree() async throws {
        let camera = try await camera()
        let probe = CameraProbe(hold: 2)
        _ = try await probe.start(camera)
        #expect(await probe.frames(4))
        await camera.stop(.release)
        let before = probe.seen.held.map { $0.checksum }
        #expect(try openNodes().isEmpty)
        let other = try await DeviceLab.run(
            "v4l2-ctl", "--device", "/dev/video0", "--stream-mmap", "--stream-count=3", "--stream-to=/dev/null")
        #expect(other.status == 0, "\(other.errors)")
        #expect(probe.seen.held.map { $0.checksum } == before)
        probe.dropHeld()
    }

    @Test("A frame that is held across a warm rejoin does not stop it")
    func heldAcrossWarm() async throws {
        let camera = try await camera()
        let first = CameraProbe(hold: 2)
        _ = try await first.start(camera)
        #expect(await first.frames(3))
        await camera.stop(.warm)
        let before = first.seen.held.map { $0.checksum }
        let second = CameraProbe()
        _ = try await second.start(camera)
        #expect(await second.frames(5))
        #expect(first.seen.held.map { $0.checksum } == before)
        first.dropHeld()
        #expect(await second.frames(10))
        await camera.stop(.release)
    }

    @Test("Controls are listed, set and read back while the camera streams")
    func controls() async throws {
        let camera = try await camera()
        let probe = CameraProbe()
        _ = try await probe.start(camera)
        let controls = try #require(camera.controls)
        let before = try #require(try await controls.list().first { $0.name == "brightness" })
        #expect(before.title == "Brightness" && before.kind == .integer && before.range == 0...255)
        try await controls.set("brightness", to: 77)
        #expect(try await controls.list().first { $0.name == "brightness" }?.value == 77)
        let shown = try await DeviceLab.run("v4l2-ctl", "--device", "/dev/video0", "--get-ctrl", "brightness")
        #expect(shown.output == "brightness: 77\n")
        try await controls.set("Brightness", to: before.value)

        let pattern = try #require(try await controls.list().first { $0.name == "test_pattern" })
        #expect(pattern.kind == .menu && pattern.choices[0] == "75% Colorbar")

        let range = await #expect(throws: DeviceError.self) { try await controls.set("brightness", to: 256) }
        #expect(range?.code == .invalidArgument)
        #expect(range?.description.contains("Give 0 to 255") == true)
        let menu = await #expect(throws: DeviceError.self) { try await controls.set("test_pattern", to: 1_000) }
        #expect(menu?.code == .invalidArgument && menu?.description.contains("75% Colorbar") == true)
        let name = await #expect(throws: DeviceError.self) { try await controls.set("zoom_absolute", to: 1) }
        #expect(name?.code == .invalidArgument && name?.description.contains("brightness") == true)
        #expect(await probe.frames(3))
        await camera.stop(.release)
    }

    @Test(
        "What is no camera is told, with what there is",
        arguments: [
            ("/etc/hostname", "it is no V4L2 device"), ("/dev/null", "it is no V4L2 device"),
            ("/dev", "it is no V4L2 device"), ("/dev/video99", "No such file"), ("/dev/video1", "captures no pictures"),
            ("usb-nowhere", "there is no such camera"),
        ])
    func noCamera(id: String, reason: String) async throws {
        let error = await #expect(throws: DeviceError.self) { try await devices.device(DeviceID(id)) }
        #expect(error?.code == .noDevice)
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }
}

extension VideoFrame {
    /// A sum over all bytes.
    var checksum: Int {
        planes.reduce(0) { sum, plane in unsafe plane.bytes.reduce(sum) { ($0 &* 31) &+ Int($1) } }
    }

    /// The colour of a pixel, 16–235 each.
    func rgb(x: Int, y: Int) -> (r: Int, g: Int, b: Int) {
        func at(_ plane: Int, _ offset: Int, _ row: Int) -> Int {
            unsafe Int(planes[plane].bytes[row * planes[plane].stride + offset])
        }
        func convert(_ y: Int, _ u: Int, _ v: Int) -> (r: Int, g: Int, b: Int) {
            let (u, v) = (u - 128, v - 128)
            return (y + v * 1371 / 1000, y - u * 336 / 1000 - v * 698 / 1000, y + u * 1732 / 1000)
        }
        return switch format {
        case .yuyv: convert(at(0, x * 2, y), at(0, x / 2 * 4 + 1, y), at(0, x / 2 * 4 + 3, y))
        case .uyvy: convert(at(0, x * 2 + 1, y), at(0, x / 2 * 4, y), at(0, x / 2 * 4 + 2, y))
        case .nv12: convert(at(0, x, y), at(1, x / 2 * 2, y / 2), at(1, x / 2 * 2 + 1, y / 2))
        case .i420: convert(at(0, x, y), at(1, x / 2, y / 2), at(2, x / 2, y / 2))
        case .bgrx: (at(0, x * 4 + 2, y), at(0, x * 4 + 1, y), at(0, x * 4, y))
        case .rgb24: (at(0, x * 3, y), at(0, x * 3 + 1, y), at(0, x * 3 + 2, y))
        case .mjpeg: (0, 0, 0)
        }
    }
}
