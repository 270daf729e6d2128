internal import CXCB
import Glibc
import Media

/// The address of an X server's screen: `:0`, `:1.0`, `host:10`.
struct X11Display: Sendable, Hashable {
    var host: String
    var number: Int
    var screen: Int

    /// - Returns: nil where the text is no display name.
    init?(_ name: String) {
        var host: UnsafeMutablePointer<CChar>?
        var number: Int32 = 0
        var screen: Int32 = 0
        // An empty name would mean $DISPLAY to xcb.
        guard !name.isEmpty, unsafe xcb_parse_display(name, &host, &number, &screen) != 0 else { return nil }
        defer { unsafe free(host) }
        self.host = unsafe host.map { unsafe String(cString: $0) } ?? ""
        self.number = Int(number)
        self.screen = Int(screen)
    }

    /// The display that $DISPLAY names.
    static func fromEnvironment() throws(DeviceError) -> X11Display {
        guard let value = unsafe getenv("DISPLAY"), unsafe value.pointee != 0 else {
            throw DeviceError(
                .noDisplay, operation: "xcb_connect", device: "x11", reason: "DISPLAY is not set",
                advice: """
                    Start the program inside a desktop session, or name its display: DISPLAY=:0. \
                    A Wayland session without Xwayland cannot be captured this way
                    """)
        }
        return try parse(unsafe String(cString: value))
    }

    static func parse(_ name: String) throws(DeviceError) -> X11Display {
        guard let display = X11Display(name) else {
            throw DeviceError(
                .noDisplay, operation: "xcb_parse_display(\(name))", device: "x11",
                reason: "\"\(name)\" is not the name of a display", advice: "Write it as :0, :0.1 or host:0")
        }
        return display
    }

    /// As xcb takes it; the first screen is not written.
    var name: String { "\(host):\(number)" + (screen > 0 ? ".\(screen)" : "") }

    /// No server answers there, or it refuses us.
    var unreachable: DeviceError {
        DeviceError(
            .noDisplay, operation: "xcb_connect(\(name))", device: "x11\(name)",
            reason: "no X server answers there, or it refuses this user",
            advice: "Check DISPLAY and that the server runs; XAUTHORITY must name the session's cookie file")
    }

    /// The connection broke: the server ended, crashed or cut us off.
    func lost(_ operation: String) -> DeviceError {
        DeviceError(
            .noDisplay, operation: operation, device: "x11\(name)", reason: "the X server closed the connection")
    }
}
