import Media
import Synchronization
import TestSupport
import Testing

@Suite("Synthetic cameras and screens, in manual time")
struct SyntheticVideoTests {
    let clock = SyntheticClock()
    var timing: SyntheticTiming { .manual(clock) }

    @Test("every frame carries its number in its pixels, and is younger than the start")
    func counter() async throws {
        let camera = SyntheticVideoDevices.cameras(timing: timing).first
        let seen = Collected<(counter: UInt32?, sequence: UInt32, capturedAt: MonotonicInstant)>()
        let start = clock.now
        let info = try await camera.start(
            .camera, deliver: { seen.add((TestPicture.counter(in: $0), $0.sequence, $0.capturedAt)) },
            onEvent: { _ in })
        #expect(info.width == 1280 && info.height == 720 && info.framesPerSecond == 30 && info.format == "YU12")
        clock.advance(by: .milliseconds(500))
        #expect(seen.all.map(\.counter) == (0..<15).map { UInt32($0) })
        #expect(seen.all.map(\.sequence) == (0..<15).map { UInt32($0) })
        #expect(seen.all.first?.capturedAt == start)
        #expect(zip(seen.all, seen.all.dropFirst()).allSatisfy { $1.capturedAt > $0.capturedAt })
        #expect(camera.statistics.frames == 15 && camera.statistics.dropped == 0)
        #expect(camera.statistics.startedAt == start && camera.statistics.lastFrameAt ?? start <= clock.now)
        await camera.stop(.release)
        #expect(!camera.hardware.isOpen)
    }

    @Test(
        "the nearest mode and rate are chosen",
        arguments: [
            (VideoTarget(width: 1, height: 1, framesPerSecond: 1000), 320, 180, 30.0),
            (VideoTarget(width: 1300, height: 700, framesPerSecond: 24), 1280, 720, 30),
            (VideoTarget(width: 640, height: 470, framesPerSecond: 14), 640, 480, 15),
            (VideoTarget(width: 9999, height: 9999, framesPerSecond: 0), 1920, 1080, 5),
        ])
    func nearest(target: VideoTarget, width: Int, height: Int, rate: Double) async throws {
        let camera = SyntheticVideoDevices.cameras(timing: timing).first
        let info = try await camera.start(target, deliver: { _ in }, onEvent: { _ in })
        #expect(info.width == width && info.height == height && info.framesPerSecond == rate)
        await camera.stop(.release)
    }

    @Test("two cameras face both ways and differ in colour; a screen is there too")
    func devices() async throws {
        let devices = SyntheticDeviceSystem(timing: timing)
        let cameras = try await devices.system.cameras.devices()
        #expect(cameras.map(\.direction) == [.front, .back])
        #expect(cameras.map(\.isDefault) == [true, false])
        #expect(try await devices.system.screens.devices().count == 1)
        var colours: [[UInt8]] = []
        for device in devices.cameras.all + devices.screens.all {
            let seen = Collected<[UInt8]>()
            _ = try await device.start(
                VideoTarget(width: 640, height: 360, framesPerSecond: 30),
                deliver: { frame in seen.add(frame.planes.dropFirst().map { unsafe $0.bytes[0] }) }, onEvent: { _ in })
            clock.advance(by: .milliseconds(34))
            colours += seen.all
            await device.stop(.release)
        }
        #expect(colours == [[160, 110], [110, 160], [128, 128]])
        #expect(devices.hardware.allSatisfy { !$0.isOpen })
        #expect(devices.hardware.count == 5)
    }

    @Test("frames that are held keep their pixels; when all buffers are held frames are dropped and counted")
    func heldFrames() async throws {
        let camera = SyntheticVideoDevices.cameras(timing: timing).first
        let held = Mutex<[VideoFrame]>([])
        let target = VideoTarget(width: 320, height: 180, framesPerSecond: 10)
        _ = try await camera.start(target, deliver: { frame in held.withLock { $0.append(frame) } }, onEvent: { _ in })
        clock.advance(by: .seconds(1))
        #expect(held.withLock { $0.map(TestPicture.counter) } == [0, 1, 2, 3, 4, 5])
        #expect(camera.statistics.frames == 6 && camera.statistics.dropped == 4)
        held.withLock { $0.removeFirst(2) }
        clock.advance(by: .milliseconds(300))
        #expect(held.withLock { $0.map(\.sequence) } == [2, 3, 4, 5, 10, 11])
        await camera.stop(.release)
        #expect(!camera.hardware.isOpen)
        // The device is closed; the pictures are still there.
        #expect(held.withLock { $0.map(TestPicture.counter) } == [2, 3, 4, 5, 10, 11])
    }

    @Test("a restart begins anew, warm or not", arguments: StandbyPolicy.allCases)
    func restart(_ standby: StandbyPolicy) async throws {
        let camera = SyntheticVideoDevices.cameras(timing: timing).first
        for round in 0..<3 {
            let seen = Collected<UInt32?>()
            let info = try await camera.start(
                VideoTarget(width: 320, height: 180, framesPerSecond: 30),
                deliver: { seen.add(TestPicture.counter(in: $0)) }, onEvent: { _ in })
            #expect(info.reused == (round > 0 && standby == .warm))
            clock.advance(by: .milliseconds(101))
            #expect(seen.all == [0, 1, 2])
            await camera.stop(standby)
            clock.advance(by: .milliseconds(77))
            #expect(seen.all == [0, 1, 2])
        }
    }
}

@Suite("TestPicture")
struct TestPictureTests {
    @Test("the counter survives scaling down and noise", arguments: [2, 4, 8])
    func scaling(_ factor: Int) async throws {
        var random = SeededGenerator.fromEnvironment("TestPictureTests.scaling")
        let clock = SyntheticClock()
        let camera = SyntheticVideoDevices.cameras(timing: .manual(clock)).first
        let seen = Collected<(pixels: [UInt8], sequence: UInt32)>()
        _ = try await camera.start(
            .camera, deliver: { seen.add((unsafe Array($0.planes[0].bytes), $0.sequence)) }, onEvent: { _ in })
        clock.advance(by: .milliseconds(500))
        await camera.stop(.release)
        for (pixels, sequence) in seen.all {
            let width = 1280 / factor
            let height = 720 / factor
            var scaled = [UInt8](repeating: 0, count: width * height)
            for y in 0..<height {
                for x in 0..<width {
                    let noise = Int.random(in: -40...40, using: &random)
                    scaled[y * width + x] = UInt8(clamping: Int(pixels[y * factor * 1280 + x * factor]) + noise)
                }
            }
            #expect(counter(scaled, width: width, height: height) == sequence)
        }
    }

    @Test("a picture without a counter has none", arguments: [(1280, 720), (64, 32), (63, 32), (64, 31), (0, 0)])
    func none(width: Int, height: Int) {
        for value in [UInt8(0), 128, 255] {
            #expect(counter([UInt8](repeating: value, count: width * height), width: width, height: height) == nil)
        }
    }

    @Test("a plane that is too small for its size has no counter")
    func truncated() { #expect(counter([UInt8](repeating: 16, count: 100), width: 640, height: 360) == nil) }

    private func counter(_ pixels: [UInt8], width: Int, height: Int) -> UInt32? {
        unsafe pixels.withUnsafeBytes { bytes in
            TestPicture.counter(luma: unsafe .init(bytes: bytes, stride: width), width: width, height: height)
        }
    }
}
