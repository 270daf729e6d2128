internal import CXCB
import Media

/// A rectangle in pixels.
struct PixelRectangle: Sendable, Hashable {
    var x: Int
    var y: Int
    var width: Int
    var height: Int
}

/// A monitor as RandR tells.
struct X11Monitor: Sendable, Hashable {
    var name: String
    var isPrimary: Bool
    var area: PixelRectangle
}

/// A top-level window.
struct X11Window: Sendable, Hashable {
    var id: UInt32
    var title: String
    var width: Int
    var height: Int
}

/// How a window stands.
struct X11WindowState: Sendable, Hashable {
    var width: Int
    var height: Int
    var border: Int
    /// Mapped with all its ancestors; other windows have no pixels.
    var isViewable: Bool
    var isInputOnly: Bool
    var visual: UInt32
}

extension X11Connection {
    /// The monitors, the primary first; empty where the server has none or no RandR 1.5.
    func monitors(_ wait: X11Wait) throws(DeviceError) -> [X11Monitor] {
        guard features.monitors else { return [] }
        let cookie = unsafe xcb_randr_get_monitors(handle, root, 1)
        guard
            let reply = try reply(
                cookie.sequence, as: xcb_randr_get_monitors_reply_t.self, from: "RRGetMonitors", wait)
        else { return [] }
        var infos: [xcb_randr_monitor_info_t] = []
        var iterator = unsafe xcb_randr_get_monitors_monitors_iterator(reply.pointer)
        while unsafe iterator.rem > 0 {
            unsafe infos.append(iterator.data.pointee)
            unsafe xcb_randr_monitor_info_next(&iterator)
        }
        var monitors: [X11Monitor] = []
        for info in infos where info.width > 0 && info.height > 0 {
            monitors.append(
                X11Monitor(
                    name: try atomName(info.name, wait) ?? "\(info.name)", isPrimary: info.primary != 0,
                    area: PixelRectangle(
                        x: Int(info.x), y: Int(info.y), width: Int(info.width), height: Int(info.height))))
        }
        return monitors.filter(\.isPrimary) + monitors.filter { !$0.isPrimary }
    }

    /// The size of the whole desktop.
    func desktop(_ wait: X11Wait) throws(DeviceError) -> PixelRectangle {
        let cookie = unsafe xcb_get_geometry(handle, root)
        guard let reply = try reply(cookie.sequence, as: xcb_get_geometry_reply_t.self, from: "GetGeometry", wait)
        else { throw display.lost("GetGeometry") }
        return PixelRectangle(x: 0, y: 0, width: Int(reply.value.width), height: Int(reply.value.height))
    }

    /// The windows that a person sees as such: the window manager's list where there is one, else the root's
    /// children.
    func windows(_ wait: X11Wait) throws(DeviceError) -> [X11Window] {
        var candidates: [UInt32] = []
        if let list = try atom("_NET_CLIENT_LIST", wait) {
            candidates = try property(root, list, limit: 4096, wait).map(Self.words) ?? []
        }
        if candidates.isEmpty {
            let cookie = unsafe xcb_query_tree(handle, root)
            if let tree = try reply(cookie.sequence, as: xcb_query_tree_reply_t.self, from: "QueryTree", wait),
                let children = unsafe xcb_query_tree_children(tree.pointer)
            {
                let count = Int(unsafe xcb_query_tree_children_length(tree.pointer))
                candidates = unsafe Array(UnsafeBufferPointer(start: children, count: count))
            }
        }
        var windows: [X11Window] = []
        for id in candidates {
            // A window may be gone again by the time it is asked.
            guard let state = try windowState(id, wait), state.isViewable, !state.isInputOnly else { continue }
            windows.append(
                X11Window(
                    id: id, title: try windowTitle(id, wait) ?? "Window 0x\(String(id, radix: 16))", width: state.width,
                    height: state.height))
        }
        return windows
    }

    /// - Returns: nil where there is no such window.
    func windowState(_ window: UInt32, _ wait: X11Wait) throws(DeviceError) -> X11WindowState? {
        let attributesCookie = unsafe xcb_get_window_attributes(handle, window)
        let geometryCookie = unsafe xcb_get_geometry(handle, window)
        let attributes = try reply(
            attributesCookie.sequence, as: xcb_get_window_attributes_reply_t.self, from: "GetWindowAttributes", wait)
        let geometry = try reply(
            geometryCookie.sequence, as: xcb_get_geometry_reply_t.self, from: "GetGeometry", wait)
        guard let attributes = attributes?.value, let geometry = geometry?.value else { return nil }
        return X11WindowState(
            width: Int(geometry.width), height: Int(geometry.height), border: Int(geometry.border_width),
            isViewable: attributes.map_state == UInt8(XCB_MAP_STATE_VIEWABLE.rawValue),
            isInputOnly: attributes._class == UInt16(XCB_WINDOW_CLASS_INPUT_ONLY.rawValue),
            visual: attributes.visual)
    }

    /// What the window's title bar says, without control characters: it is another program's text.
    private func windowTitle(_ window: UInt32, _ wait: X11Wait) throws(DeviceError) -> String? {
        var title: String?
        if let name = try atom("_NET_WM_NAME", wait), let bytes = try property(window, name, limit: 64, wait) {
            title = String(decoding: bytes, as: UTF8.self)
        }
        if title == nil || title == "" {
            // WM_NAME is Latin-1 (ICCCM §2.7.1).
            title = try property(window, UInt32(XCB_ATOM_WM_NAME.rawValue), limit: 64, wait)
                .map { String(String.UnicodeScalarView($0.map { Unicode.Scalar($0) })) }
        }
        let printable = title?.unicodeScalars.filter { $0.properties.generalCategory != .control } ?? .init()
        return printable.isEmpty ? nil : String(String.UnicodeScalarView(printable))
    }

    /// The bytes of a window's property, at most `limit` words of it.
    private func property(
        _ window: UInt32, _ name: xcb_atom_t, limit: UInt32, _ wait: X11Wait
    ) throws(DeviceError) -> [UInt8]? {
        let cookie = unsafe xcb_get_property(handle, 0, window, name, 0, 0, limit)
        guard let reply = try reply(cookie.sequence, as: xcb_get_property_reply_t.self, from: "GetProperty", wait),
            let value = unsafe xcb_get_property_value(reply.pointer)
        else { return nil }
        let count = Int(unsafe xcb_get_property_value_length(reply.pointer))
        return unsafe Array(UnsafeRawBufferPointer(start: value, count: count))
    }

    private static func words(_ bytes: [UInt8]) -> [UInt32] {
        stride(from: 0, to: bytes.count - 3, by: 4).map { start in
            bytes[start..<start + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    /// - Returns: nil where no program has used the name yet.
    private func atom(_ name: String, _ wait: X11Wait) throws(DeviceError) -> xcb_atom_t? {
        let cookie = unsafe xcb_intern_atom(handle, 1, UInt16(name.utf8.count), name)
        let reply = try reply(cookie.sequence, as: xcb_intern_atom_reply_t.self, from: "InternAtom", wait)
        guard let atom = reply?.value.atom, atom != 0 else { return nil }
        return atom
    }

    private func atomName(_ atom: xcb_atom_t, _ wait: X11Wait) throws(DeviceError) -> String? {
        let cookie = unsafe xcb_get_atom_name(handle, atom)
        guard let reply = try reply(cookie.sequence, as: xcb_get_atom_name_reply_t.self, from: "GetAtomName", wait),
            let name = unsafe xcb_get_atom_name_name(reply.pointer)
        else { return nil }
        let count = Int(unsafe xcb_get_atom_name_name_length(reply.pointer))
        return unsafe String(decoding: UnsafeRawBufferPointer(start: name, count: count), as: UTF8.self)
    }
}
