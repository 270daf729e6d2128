import CXCB
import Foundation

/// Another program on the display: paints, opens windows, moves the pointer. Each call has happened when it returns.
@safe
final class Painter {
    private let connection: OpaquePointer
    private let screen: UnsafePointer<xcb_screen_t>
    private let display: String
    private var root: UInt32 { unsafe screen.pointee.root }

    init(_ server: XServer) {
        display = server.display
        unsafe connection = xcb_connect(server.display, nil)
        unsafe precondition(xcb_connection_has_error(connection) == 0, "Xvfb serves")
        unsafe screen = xcb_shim_screen(connection, 0)
    }

    deinit { unsafe xcb_disconnect(connection) }

    /// Fills a part of the root window.
    func paint(_ colour: UInt32, x: Int = 0, y: Int = 0, width: Int = 4096, height: Int = 4096) {
        paint(root, colour, x, y, width, height)
    }

    func paint(
        _ window: UInt32, _ colour: UInt32, _ x: Int = 0, _ y: Int = 0, _ width: Int = 4096, _ height: Int = 4096
    ) {
        let context = unsafe xcb_generate_id(connection)
        var values = [colour, UInt32(XCB_SUBWINDOW_MODE_CLIP_BY_CHILDREN.rawValue)]
        unsafe xcb_create_gc(
            connection, context, window, XCB_GC_FOREGROUND.rawValue | XCB_GC_SUBWINDOW_MODE.rawValue, &values)
        var area = xcb_rectangle_t(x: Int16(x), y: Int16(y), width: UInt16(width), height: UInt16(height))
        unsafe xcb_poly_fill_rectangle(connection, window, context, 1, &area)
        unsafe xcb_free_gc(connection, context)
        sync()
    }

    /// Opens a top-level window of one colour.
    func open(_ colour: UInt32, x: Int, y: Int, width: Int, height: Int, border: Int = 0, title: String? = nil)
        -> UInt32
    {
        let window = unsafe xcb_generate_id(connection)
        var values = [colour, colour]
        unsafe xcb_create_window(
            connection, UInt8(XCB_COPY_FROM_PARENT), window, root, Int16(x), Int16(y), UInt16(width), UInt16(height),
            UInt16(border), UInt16(XCB_WINDOW_CLASS_INPUT_OUTPUT.rawValue), unsafe screen.pointee.root_visual,
            XCB_CW_BACK_PIXEL.rawValue | XCB_CW_BORDER_PIXEL.rawValue, &values)
        if let title {
            unsafe xcb_change_property(
                connection, UInt8(XCB_PROP_MODE_REPLACE.rawValue), window, UInt32(XCB_ATOM_WM_NAME.rawValue),
                UInt32(XCB_ATOM_STRING.rawValue), 8, UInt32(title.utf8.count), title)
        }
        map(window)
        return window
    }

    func map(_ window: UInt32) {
        unsafe xcb_map_window(connection, window)
        sync()
    }

    func unmap(_ window: UInt32) {
        unsafe xcb_unmap_window(connection, window)
        sync()
    }

    func close(_ window: UInt32) {
        unsafe xcb_destroy_window(connection, window)
        sync()
    }

    func resize(_ window: UInt32, width: Int, height: Int) {
        var values = [UInt32(width), UInt32(height)]
        unsafe xcb_configure_window(
            connection, window, UInt16(XCB_CONFIG_WINDOW_WIDTH.rawValue | XCB_CONFIG_WINDOW_HEIGHT.rawValue), &values)
        sync()
    }

    func movePointer(x: Int, y: Int) {
        unsafe xcb_warp_pointer(connection, 0, root, 0, 0, 0, 0, Int16(x), Int16(y))
        sync()
    }

    /// Makes the pointer a square of 8 × 8 pixels of one colour, its hot spot at the corner.
    func setSquarePointer(_ colour: UInt32) {
        let bits = unsafe xcb_generate_id(connection)
        unsafe xcb_create_pixmap(connection, 1, bits, root, 8, 8)
        let context = unsafe xcb_generate_id(connection)
        var one: UInt32 = 1
        unsafe xcb_create_gc(connection, context, bits, XCB_GC_FOREGROUND.rawValue, &one)
        var area = xcb_rectangle_t(x: 0, y: 0, width: 8, height: 8)
        unsafe xcb_poly_fill_rectangle(connection, bits, context, 1, &area)
        let cursor = unsafe xcb_generate_id(connection)
        let part = { (shift: UInt32) in UInt16(colour >> shift & 0xff) * 257 }
        unsafe xcb_create_cursor(
            connection, cursor, bits, bits, part(16), part(8), part(0), part(16), part(8), part(0), 0, 0)
        var value = cursor
        unsafe xcb_change_window_attributes(connection, root, XCB_CW_CURSOR.rawValue, &value)
        unsafe xcb_free_gc(connection, context)
        unsafe xcb_free_pixmap(connection, bits)
        sync()
    }

    /// Declares a part of the screen a monitor.
    func setMonitor(_ name: String, x: Int, y: Int, width: Int, height: Int, isPrimary: Bool = false) {
        // RRSetMonitor is the one request whose list xcb wants packed by the caller: xrandr does it.
        let size = "\(width)/\(width)x\(height)/\(height)+\(x)+\(y)"
        xrandr(["--setmonitor", isPrimary ? "*\(name)" : name, size, "none"])
    }

    func deleteMonitor(_ name: String) { xrandr(["--delmonitor", name]) }

    /// Changes the screen's resolution.
    func setMode(width: Int, height: Int) {
        let timing = [width, width + 1, width + 2, width + 3, height, height + 1, height + 2, height + 3]
        xrandr(["--newmode", "changed", "1"] + timing.map(String.init))
        xrandr(["--addmode", "screen", "changed"])
        xrandr(["--output", "screen", "--mode", "changed"])
    }

    private func xrandr(_ arguments: [String]) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["xrandr", "--display", display] + arguments
        process.standardError = FileHandle.nullDevice
        try? process.run()
        process.waitUntilExit()
    }

    private func sync() {
        unsafe free(xcb_get_input_focus_reply(connection, xcb_get_input_focus(connection), nil))
    }
}
