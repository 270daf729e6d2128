import Media
import Testing

@testable import ScreenCapture

@Suite("X11 screens", .serialized, .timeLimit(.minutes(2)))
struct X11ScreensTests {
    @Test("The primary monitor comes first and is the default; windows follow with their titles")
    func list() async throws {
        let server = try XServer()
        let painter = Painter(server)
        painter.setMonitor("LEFT", x: 0, y: 0, width: 160, height: 240)
        painter.setMonitor("RIGHT", x: 160, y: 0, width: 160, height: 240, isPrimary: true)
        let window = painter.open(0x112233, x: 5, y: 5, width: 60, height: 40, title: "A\u{1b}[31m clock")
        let devices = try await X11Screens(display: server.display).devices()
        let prefix = "x11\(server.display)"
        #expect(devices[0].id == DeviceID("\(prefix)/monitor/RIGHT"))
        #expect(devices.map(\.isDefault) == [true] + devices.dropFirst().map { _ in false })
        #expect(devices.contains { $0.id.rawValue == "\(prefix)/monitor/LEFT" && $0.modes[0].width == 160 })
        #expect(devices.contains { $0.id.rawValue == "\(prefix)/desktop" && $0.modes[0].width == 320 })
        let listed = devices.first { $0.id.rawValue == "\(prefix)/window/0x\(String(window, radix: 16))" }
        #expect(listed?.name == "A[31m clock", "control characters of another program are left out")
        #expect(listed?.modes.first?.height == 40)
    }

    @Test("A device is found by its id, by its monitor's name and by its window's number")
    func lookUp() async throws {
        let server = try XServer()
        let painter = Painter(server)
        let window = painter.open(0, x: 0, y: 0, width: 10, height: 10)
        let hidden = painter.open(0, x: 0, y: 0, width: 12, height: 10)
        painter.unmap(hidden)
        let screens = X11Screens(display: server.display)
        let monitor = try #require(try await screens.devices().first).id
        for (name, id) in [
            (monitor.rawValue, monitor.rawValue), ("screen", monitor.rawValue),
            ("0x\(String(window, radix: 16))", "x11\(server.display)/window/0x\(String(window, radix: 16))"),
            ("\(window)", "x11\(server.display)/window/0x\(String(window, radix: 16))"),
            ("\(hidden)", "x11\(server.display)/window/0x\(String(hidden, radix: 16))"),
            ("x11\(server.display).0/monitor/screen", monitor.rawValue),
        ] {
            #expect(try await screens.device(DeviceID(name)).info.id.rawValue == id)
        }
    }

    @Test("An unknown id names the known ones", arguments: ["HDMI-9", "", "x11:0/nothing", "0x7", "/dev/video0"])
    func unknown(_ id: String) async throws {
        let server = try XServer()
        let error = await #expect(throws: DeviceError.self) {
            try await X11Screens(display: server.display).device(DeviceID(id))
        }
        #expect(error?.code == .noDevice)
        #expect(error?.advice?.contains("x11\(server.display)/monitor/screen") == true)
    }

    @Test("Without a display the error says what to do", arguments: [":9517", "no display", "", ":x"])
    func noDisplay(_ display: String) async throws {
        let error = await #expect(throws: DeviceError.self) { try await X11Screens(display: display).devices() }
        #expect(error?.code == .noDisplay)
        #expect(error?.advice != nil)
    }

    @Test("A server of an unusable colour depth is refused with a reason")
    func depth() async throws {
        let server = try XServer(depth: 16)
        let device = try await X11Screens(display: server.display).device("screen")
        let error = await #expect(throws: DeviceError.self) { _ = try await Frames().start(device) }
        #expect(error?.code == .unsupported)
        #expect(error?.advice?.contains("24") == true)
    }
}
