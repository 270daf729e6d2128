internal import CXCB
import Media

/// Where the pixels of a source lie now.
struct ScreenArea: Sendable, Hashable {
    /// The root window, or the pixmap that holds a window's pixels.
    var drawable: UInt32
    /// The part of the drawable.
    var pixels: PixelRectangle
    /// The window that pointer positions and damage are told against.
    var window: UInt32
    /// The area's corner in that window.
    var originX: Int
    var originY: Int
}

/// Finds a source on its display and follows it: a monitor's place, a window's pixmap.
///
/// - Thread: the session's.
final class ScreenLocator {
    private let connection: X11Connection
    private let id: ScreenID
    private var isWatching = false
    private var pixmap: UInt32 = 0
    /// The source's size when it was last looked at.
    private(set) var size = (width: 0, height: 0)

    init(_ connection: X11Connection, _ id: ScreenID) {
        self.connection = connection
        self.id = id
    }

    /// Where the source is now.
    /// - Returns: nil for a window that is not shown (minimised, on another workspace): it has no pixels.
    /// - Throws: `.sourceClosed` where there is no such source any more, `.unsupported`, `.noDisplay`, `.cancelled`.
    func locate(_ wait: X11Wait) throws(DeviceError) -> ScreenArea? {
        // Asked for first, so that a change after the answer is told.
        watch()
        switch id.source {
        case .monitor(let name):
            guard let monitor = try connection.monitors(wait).first(where: { $0.name == name }) else {
                throw closed("RRGetMonitors", "there is no monitor \(name) any more")
            }
            return try rootArea(monitor.area)
        case .desktop: return try rootArea(try connection.desktop(wait))
        case .window(let window): return try windowArea(window, wait)
        }
    }

    private func rootArea(_ pixels: PixelRectangle) throws(DeviceError) -> ScreenArea {
        try requireBGRX(connection.rootVisual)
        size = (pixels.width, pixels.height)
        return ScreenArea(
            drawable: connection.root, pixels: pixels, window: connection.root, originX: pixels.x, originY: pixels.y)
    }

    private func windowArea(_ window: UInt32, _ wait: X11Wait) throws(DeviceError) -> ScreenArea? {
        guard let state = try connection.windowState(window, wait) else {
            throw closed("GetWindowAttributes", "the window is closed")
        }
        guard !state.isInputOnly else { throw unsupported("the window takes input only and has no picture") }
        guard connection.features.composite else {
            // GetImage of the window itself would show whatever covers it: other people's windows.
            throw unsupported("the X server has no Composite extension", advice: "Share a monitor instead")
        }
        try requireBGRX(state.visual)
        size = (state.width, state.height)
        guard state.isViewable else { return nil }
        if pixmap != 0 { _ = unsafe xcb_free_pixmap(connection.handle, pixmap) }
        pixmap = connection.newID()
        // A window's pixmap is a new one after each change of its size and each mapping.
        _ = unsafe xcb_composite_name_window_pixmap(connection.handle, window, pixmap)
        let cookie = unsafe xcb_get_geometry(connection.handle, pixmap)
        guard
            let size = try connection.reply(
                cookie.sequence, as: xcb_get_geometry_reply_t.self, from: "NameWindowPixmap", wait)?.value
        else {
            pixmap = 0
            return nil
        }
        let border = 2 * state.border
        guard Int(size.width) > border, Int(size.height) > border else { return nil }
        return ScreenArea(
            drawable: pixmap,
            pixels: PixelRectangle(
                x: state.border, y: state.border, width: Int(size.width) - border, height: Int(size.height) - border),
            window: window, originX: 0, originY: 0)
    }

    /// Asks to be told of changes, once.
    private func watch() {
        guard !isWatching else { return }
        isWatching = true
        if case .window(let window) = id.source {
            select(window)
            if connection.features.composite {
                _ = unsafe xcb_composite_redirect_window(
                    connection.handle, window, UInt8(XCB_COMPOSITE_REDIRECT_AUTOMATIC.rawValue))
            }
        } else {
            select(connection.root)
            if connection.features.monitors {
                let mask =
                    XCB_RANDR_NOTIFY_MASK_SCREEN_CHANGE.rawValue | XCB_RANDR_NOTIFY_MASK_CRTC_CHANGE.rawValue
                    | XCB_RANDR_NOTIFY_MASK_OUTPUT_CHANGE.rawValue
                _ = unsafe xcb_randr_select_input(connection.handle, connection.root, UInt16(mask))
            }
        }
    }

    private func select(_ window: UInt32) {
        var mask = XCB_EVENT_MASK_STRUCTURE_NOTIFY.rawValue
        _ = unsafe xcb_change_window_attributes(connection.handle, window, XCB_CW_EVENT_MASK.rawValue, &mask)
    }

    private func requireBGRX(_ visual: UInt32) throws(DeviceError) {
        guard unsafe xcb_shim_is_bgrx(connection.handle, visual) else {
            throw unsupported(
                "its pixels are not 32 bits wide", advice: "Run the X server with a colour depth of 24 bits")
        }
    }

    private func closed(_ operation: String, _ reason: String) -> DeviceError {
        DeviceError(.sourceClosed, operation: operation, device: id.text, reason: reason)
    }

    private func unsupported(_ reason: String, advice: String? = nil) -> DeviceError {
        DeviceError(.unsupported, operation: "capture", device: id.text, reason: reason, advice: advice)
    }
}
