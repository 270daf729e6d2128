import Media
import Testing

@testable import ScreenCapture

@Suite("Screen capture", .serialized, .timeLimit(.minutes(2)))
struct X11CaptureTests {
    static let red: UInt32 = 0xff0000
    static let green: UInt32 = 0x00ff00
    static let blue: UInt32 = 0x2040ff

    private static func screen(_ server: XServer, _ id: DeviceID = "screen") async throws -> any VideoDevice {
        try await X11Screens(display: server.display).device(id)
    }

    private static func windowID(_ window: UInt32) -> DeviceID { DeviceID("0x\(String(window, radix: 16))") }

    /// Servers that lack an extension, each of which has a way around it.
    static let servers: [[String]] = [
        [], ["-extension", "MIT-SHM"], ["-extension", "DAMAGE"], ["-extension", "MIT-SHM", "-extension", "DAMAGE"],
    ]

    @Test("A monitor's pixels arrive as painted, and again when painted anew", arguments: servers)
    func pixels(_ arguments: [String]) async throws {
        let server = try XServer(arguments)
        let painter = Painter(server)
        // Out of the way: its corner is a pixel of the last column and row.
        painter.movePointer(x: 319, y: 239)
        painter.setSquarePointer(Self.blue)
        painter.paint(Self.blue)
        let device = try await Self.screen(server)
        let frames = Frames()
        let info = try await frames.start(device)
        #expect((info.width, info.height, info.format, info.reused) == (320, 240, "BGRX", false))
        let first = try await frames.first()
        #expect((first.format, first.width, first.height, first.planes[0].stride) == (.bgrx, 320, 240, 1280))
        #expect(first.isAll(Self.blue))
        painter.paint(Self.green, x: 40, y: 100, width: 20, height: 10)
        painter.paint(Self.red, x: 0, y: 230, width: 10, height: 10)
        let second = try await frames.first { $0.pixel(40, 100) == Self.green && $0.pixel(9, 239) == Self.red }
        #expect(second.pixel(59, 109) == Self.green && second.pixel(60, 109) == Self.blue)
        #expect(second.pixel(39, 100) == Self.blue && second.pixel(40, 99) == Self.blue)
        #expect(first.isAll(Self.blue), "a frame that is held does not change")
        await device.stop(.release)
    }

    @Test("Of an unchanged screen the same picture is handed on once a second", arguments: servers)
    func unchanged(_ arguments: [String]) async throws {
        let server = try XServer(arguments)
        let painter = Painter(server)
        painter.paint(Self.green)
        let device = try await Self.screen(server)
        let frames = Frames()
        _ = try await frames.start(device)
        var previous = try await frames.first()
        // The first one may be followed by what the server reports of the time before.
        var repeats = 0
        while repeats < 2 {
            let next = try await frames.first()
            if next.address == previous.address {
                repeats += 1
                #expect(next.capturedAt - previous.capturedAt >= ScreenGrabber.repeatInterval)
            }
            previous = next
        }
        #expect(device.statistics.frames < 10)
        await device.stop(.release)
    }

    @Test("The pointer is drawn in, follows, and leaves nothing behind")
    func cursor() async throws {
        let server = try XServer()
        let painter = Painter(server)
        painter.paint(Self.blue)
        painter.setSquarePointer(Self.red)
        painter.movePointer(x: 100, y: 50)
        let device = try await Self.screen(server)
        let frames = Frames()
        _ = try await frames.start(device)
        let first = try await frames.first()
        #expect(first.pixel(100, 50) == Self.red && first.pixel(107, 57) == Self.red)
        #expect(first.pixel(99, 50) == Self.blue && first.pixel(108, 57) == Self.blue)
        for (x, y) in [(200, 100), (316, 236), (0, 0)] {
            painter.movePointer(x: x, y: y)
            let moved = try await frames.first { $0.pixel(x, y) == Self.red }
            let others = (0..<240).flatMap { py in (0..<320).map { px in (px, py) } }
                .filter { !((x..<x + 8).contains($0.0) && (y..<y + 8).contains($0.1)) }
            #expect(others.allSatisfy { moved.pixel($0.0, $0.1) == Self.blue })
        }
        await device.stop(.release)
    }

    @Test("A window shows its own pixels, whatever covers it, without its border", arguments: servers)
    func window(_ arguments: [String]) async throws {
        let server = try XServer(arguments)
        let painter = Painter(server)
        painter.setSquarePointer(Self.red)
        painter.movePointer(x: 300, y: 200)
        let window = painter.open(Self.green, x: 20, y: 30, width: 64, height: 48, border: 3)
        let device = try await Self.screen(server, Self.windowID(window))
        let frames = Frames()
        let info = try await frames.start(device)
        #expect((info.width, info.height) == (64, 48))
        // Painted by redirection from here on: what is under a cover is kept.
        _ = try await frames.first()
        _ = painter.open(Self.red, x: 0, y: 0, width: 320, height: 240)
        painter.paint(window, Self.blue)
        let covered = try await frames.first { $0.pixel(0, 0) == Self.blue }
        #expect(covered.isAll(Self.blue))
        await device.stop(.release)
    }

    @Test("A window may change its size, be hidden and come back")
    func windowChanges() async throws {
        let server = try XServer()
        let painter = Painter(server)
        painter.movePointer(x: 319, y: 239)
        let window = painter.open(Self.green, x: 20, y: 30, width: 64, height: 48)
        painter.unmap(window)
        let device = try await Self.screen(server, Self.windowID(window))
        let frames = Frames()
        let info = try await frames.start(device)
        #expect((info.width, info.height) == (64, 48))
        painter.map(window)
        #expect(try await frames.first().isAll(Self.green))
        painter.resize(window, width: 101, height: 33)
        painter.paint(window, Self.red)
        let resized = try await frames.first { $0.width == 101 && $0.pixel(100, 32) == Self.red }
        #expect(resized.height == 33 && resized.isAll(Self.red))
        painter.unmap(window)
        painter.map(window)
        painter.paint(window, Self.blue)
        #expect(try await frames.first { $0.pixel(0, 0) == Self.blue }.isAll(Self.blue))
        await device.stop(.release)
    }

    @Test("The pointer over a window is drawn where it is in the window")
    func windowCursor() async throws {
        let server = try XServer()
        let painter = Painter(server)
        painter.setSquarePointer(Self.red)
        painter.movePointer(x: 30, y: 50)
        let window = painter.open(Self.green, x: 20, y: 30, width: 64, height: 48)
        let device = try await Self.screen(server, Self.windowID(window))
        let frames = Frames()
        _ = try await frames.start(device)
        let frame = try await frames.first()
        #expect(frame.pixel(10, 20) == Self.red && frame.pixel(9, 20) == Self.green)
        await device.stop(.release)
    }

    @Test("Without the Composite extension a window is refused: others might be shown in its place")
    func noComposite() async throws {
        let server = try XServer(["-extension", "Composite"])
        let window = Painter(server)
        let id = Self.windowID(window.open(Self.green, x: 0, y: 0, width: 10, height: 10))
        let device = try await Self.screen(server, id)
        let error = await #expect(throws: DeviceError.self) { _ = try await Frames().start(device) }
        #expect(error?.code == .unsupported)
    }

    @Test("Without RandR the desktop is captured as a whole")
    func noRandR() async throws {
        let server = try XServer(["-extension", "RANDR"])
        let painter = Painter(server)
        painter.paint(Self.green)
        let devices = try await X11Screens(display: server.display).devices()
        #expect(devices.first?.id == DeviceID("x11\(server.display)/desktop"))
        let device = try await Self.screen(server, "desktop")
        let frames = Frames()
        _ = try await frames.start(device)
        #expect(try await frames.first().pixel(10, 10) == Self.green)
        await device.stop(.release)
    }

    @Test("One monitor of several shows its part only")
    func monitorPart() async throws {
        let server = try XServer()
        let painter = Painter(server)
        painter.movePointer(x: 0, y: 0)
        painter.paint(Self.red)
        painter.paint(Self.green, x: 160, y: 20, width: 100, height: 80)
        painter.setMonitor("PART", x: 160, y: 20, width: 100, height: 80)
        let device = try await Self.screen(server, "PART")
        let frames = Frames()
        _ = try await frames.start(device)
        let frame = try await frames.first()
        #expect((frame.width, frame.height) == (100, 80))
        #expect(frame.isAll(Self.green))
        painter.paint(Self.blue, x: 160, y: 60, width: 10, height: 1)
        let changed = try await frames.first { $0.pixel(0, 40) == Self.blue }
        #expect(changed.pixel(9, 40) == Self.blue && changed.pixel(0, 41) == Self.green)
        await device.stop(.release)
    }

    @Test("A monitor whose resolution is changed goes on in its new size")
    func resolution() async throws {
        let server = try XServer()
        let painter = Painter(server)
        painter.paint(Self.green)
        let device = try await Self.screen(server)
        let frames = Frames()
        _ = try await frames.start(device)
        #expect(try await frames.first().width == 320)
        painter.setMode(width: 200, height: 100)
        painter.paint(Self.blue)
        let frame = try await frames.first { $0.width == 200 && $0.pixel(0, 0) == Self.blue }
        #expect(frame.height == 100)
        await device.stop(.release)
    }

    @Test("Buffers that are held are not written; frames without one are counted as dropped")
    func heldFrames() async throws {
        let server = try XServer()
        let painter = Painter(server)
        painter.paint(0)
        let device = try await Self.screen(server)
        let frames = Frames()
        _ = try await frames.start(device)
        var held: [VideoFrame] = []
        for colour in 1...UInt32(SharedPictures.limit) {
            painter.paint(colour)
            held.append(try await frames.first { $0.pixel(5, 5) == colour })
        }
        painter.paint(99)
        while device.statistics.dropped == 0 { await Task.yield() }
        #expect(held.map { $0.pixel(5, 5) } == [1, 2, 3, 4])
        held = []
        #expect(try await frames.first { $0.pixel(5, 5) == 99 }.sequence > 4)
        await device.stop(.release)
    }
}
