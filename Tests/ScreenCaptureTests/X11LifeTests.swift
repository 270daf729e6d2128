import Media
import Testing

@testable import ScreenCapture

@Suite("Screen capture: start, stop and what ends it", .serialized, .timeLimit(.minutes(2)))
struct X11LifeTests {
    private static func screen(_ server: XServer, _ id: String = "screen") async throws -> any VideoDevice {
        try await X11Screens(display: server.display).device(DeviceID(id))
    }

    @Test("A restart shows nothing of the time before, by both policies", arguments: StandbyPolicy.allCases)
    func restart(_ standby: StandbyPolicy) async throws {
        let server = try XServer()
        let painter = Painter(server)
        let device = try await Self.screen(server)
        for cycle in 0..<10 as Range<UInt32> {
            painter.paint(cycle)
            let askedAt = MonotonicInstant.now()
            let frames = Frames()
            let info = try await frames.start(device)
            #expect(info.reused == (standby == .warm && cycle > 0))
            let first = try await frames.first()
            #expect(first.pixel(3, 3) == cycle)
            #expect(first.capturedAt >= askedAt && first.sequence == 0)
            await device.stop(standby)
        }
        await device.stop(.release)
    }

    @Test("Stop with release closes the connection: a server that ends with its last client ends")
    func release() async throws {
        let server = try XServer(["-terminate"])
        var painter: Painter? = Painter(server)
        painter?.paint(0)
        let device = try await Self.screen(server)
        let frames = Frames()
        _ = try await frames.start(device)
        let held = try await frames.first()
        await device.stop(.warm)
        _ = try await frames.start(device)
        painter = nil
        await device.stop(.warm)
        await device.stop(.release)
        server.waitForEnd()
        #expect(held.pixel(1, 1) == 0, "a held frame keeps its memory")
    }

    @Test("Stop may come from any state, any number of times, and nothing is delivered after it")
    func stops() async throws {
        let server = try XServer()
        let device = try await Self.screen(server)
        await device.stop(.warm)
        await device.stop(.release)
        _ = try await Frames().start(device, framesPerSecond: 200)
        // A start while it runs takes its place.
        _ = try await Frames().start(device, framesPerSecond: 200)
        await device.stop(.release)
        let frames = device.statistics.frames
        let painter = Painter(server)
        for colour in 0..<20 as Range<UInt32> { painter.paint(colour) }
        #expect(device.statistics.frames == frames)
        await device.stop(.release)
    }

    @Test("A window that is closed ends the stream with .sourceClosed; it cannot be started again")
    func windowClosed() async throws {
        let server = try XServer()
        let painter = Painter(server)
        let window = painter.open(0, x: 0, y: 0, width: 20, height: 20)
        let device = try await Self.screen(server, "\(window)")
        let frames = Frames()
        _ = try await frames.start(device)
        _ = try await frames.first()
        painter.close(window)
        #expect(await frames.end()?.code == .sourceClosed)
        let error = await #expect(throws: DeviceError.self) { _ = try await frames.start(device) }
        #expect(error?.code == .noDevice)
        await device.stop(.release)
    }

    @Test("A monitor that is removed ends the stream with .sourceClosed, and can be started when it is back")
    func monitorGone() async throws {
        let server = try XServer()
        let painter = Painter(server)
        painter.setMonitor("EXTRA", x: 0, y: 0, width: 100, height: 100)
        let device = try await Self.screen(server, "EXTRA")
        let frames = Frames()
        _ = try await frames.start(device)
        _ = try await frames.first()
        painter.deleteMonitor("EXTRA")
        #expect(await frames.end()?.code == .sourceClosed)
        await device.stop(.warm)
        painter.setMonitor("EXTRA", x: 0, y: 0, width: 60, height: 100)
        let info = try await frames.start(device)
        #expect(info.width == 60)
        await device.stop(.release)
    }

    @Test("A server that is killed ends the stream with .noDisplay, running or warm")
    func serverKilled() async throws {
        let server = try XServer()
        let device = try await Self.screen(server)
        let frames = Frames()
        _ = try await frames.start(device)
        _ = try await frames.first()
        let warm = try await Self.screen(server)
        _ = try await frames.start(warm)
        await warm.stop(.warm)
        server.end()
        #expect(await frames.end()?.code == .noDisplay)
        for device in [device, warm] {
            let error = await #expect(throws: DeviceError.self) { _ = try await frames.start(device) }
            #expect(error?.code == .noDisplay)
        }
        await device.stop(.release)
    }

    @Test("A frozen server is reported as stalled, and does not hold up a stop")
    func frozen() async throws {
        let server = try XServer()
        let device = try await Self.screen(server)
        let frames = Frames()
        _ = try await frames.start(device, stallAfter: .milliseconds(100))
        _ = try await frames.first()
        server.freeze()
        guard case .stalled(let error) = await frames.event() else {
            Issue.record("no stall was reported")
            return
        }
        #expect(error.code == .stalled)
        server.thaw()
        #expect(await frames.event() == .resumed)
        server.freeze()
        await device.stop(.warm)
        await device.stop(.release)
    }

    @Test("A start against a frozen server ends when it is cancelled", arguments: [false, true])
    func cancelled(isWarm: Bool) async throws {
        let server = try XServer()
        let device = try await Self.screen(server)
        if isWarm {
            _ = try await Frames().start(device)
            await device.stop(.warm)
        }
        server.freeze()
        let start = Task { () async -> DeviceError? in
            do throws(DeviceError) {
                _ = try await Frames().start(device)
                return nil
            } catch {
                return error
            }
        }
        start.cancel()
        #expect(await start.value?.code == .cancelled)
        server.thaw()
        _ = try await Frames().start(device)
        await device.stop(.release)
    }

    @Test(
        "An impossible target is refused",
        arguments: [(0, 1080, 15.0), (1920, -1, 15), (1920, 1080, 0), (1920, 1080, .nan), (1920, 1080, 1e9)])
    func target(width: Int, height: Int, rate: Double) async throws {
        let server = try XServer()
        let device = try await Self.screen(server)
        let error = await #expect(throws: DeviceError.self) {
            try await device.start(
                VideoTarget(width: width, height: height, framesPerSecond: rate), deliver: { _ in }, onEvent: { _ in })
        }
        #expect(error?.code == .invalidArgument)
    }
}
