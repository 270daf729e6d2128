import Testing

@testable import ScreenCapture

@Suite("Screen ids")
struct ScreenIDTests {
    @Test(
        "An id is written as it is read",
        arguments: [
            "x11:0/monitor/HDMI-1", "x11:12/window/0x1c00007", "x11:0.1/desktop", "x11box:10/monitor/DP-1",
            "x11:0/monitor/a/b",
        ])
    func roundTrip(_ text: String) { #expect(ScreenID(text)?.text == text) }

    @Test("The first screen of a display is not written")
    func firstScreen() { #expect(ScreenID("x11:3.0/desktop")?.text == "x11:3/desktop") }

    @Test(
        "Text that is no id is refused",
        arguments: [
            "", "x11", "x11:0", "x11:0/", "x11:0/monitor", "x11:0/monitor/", "x11:0/window/", "x11:0/window/-1",
            "x11:0/window/0x", "x11:0/window/0x1ffffffff", "x11:0/desktop/1", "x11:zero/desktop", "x11/desktop",
            "/dev/video0", "HDMI-1",
        ])
    func refused(_ text: String) { #expect(ScreenID(text) == nil) }
}
