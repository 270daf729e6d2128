/// What can be captured of a display.
enum ScreenSource: Sendable, Hashable {
    /// A monitor by RandR's name.
    case monitor(String)
    /// A window, whatever covers it.
    case window(UInt32)
    /// The whole desktop: all monitors.
    case desktop

    /// A monitor's name, a window's number (`0x1c00007`, as xwininfo writes it, or decimal), or `desktop`.
    func isCalled(_ name: String) -> Bool {
        switch self {
        case .monitor(let own): own == name
        case .window(let own): Self.windowNumber(name) == own
        case .desktop: name == "desktop"
        }
    }

    static func windowNumber(_ text: some StringProtocol) -> UInt32? {
        text.hasPrefix("0x") ? UInt32(text.dropFirst(2), radix: 16) : UInt32(text)
    }
}

/// A source and its display as a device id: `x11:0/monitor/HDMI-1`, `x11:0/window/0x1c00007`, `x11:0/desktop`.
struct ScreenID: Sendable, Hashable {
    var display: X11Display
    var source: ScreenSource

    init(display: X11Display, source: ScreenSource) {
        self.display = display
        self.source = source
    }

    /// - Returns: nil where the text is no such id.
    init?(_ text: String) {
        guard text.hasPrefix("x11"), let slash = text.firstIndex(of: "/"),
            let display = X11Display(String(text[..<slash].dropFirst(3)))
        else { return nil }
        let parts = text[slash...].split(separator: "/", maxSplits: 1)
        switch (parts.first, parts.dropFirst().first) {
        case ("desktop", nil): source = .desktop
        case ("monitor", let name?): source = .monitor(String(name))
        case ("window", let number?):
            guard let window = ScreenSource.windowNumber(number) else { return nil }
            source = .window(window)
        default: return nil
        }
        self.display = display
    }

    var text: String {
        switch source {
        case .monitor(let name): "x11\(display.name)/monitor/\(name)"
        case .window(let window): "x11\(display.name)/window/0x\(String(window, radix: 16))"
        case .desktop: "x11\(display.name)/desktop"
        }
    }
}
