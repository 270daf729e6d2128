internal import CXCB
import Media

// What the server tells by itself.
extension ScreenGrabber {
    func takeEvent(_ event: UnsafePointer<xcb_generic_event_t>) {
        let kind = unsafe event.pointee.response_type & 0x7f
        let features = connection.features
        if features.damage, kind == features.damage_event + UInt8(XCB_DAMAGE_NOTIFY) {
            unsafe event.withMemoryRebound(to: xcb_damage_notify_event_t.self, capacity: 1) {
                damaged(unsafe $0.pointee)
            }
        } else if features.monitors, kind == features.randr_event || kind == features.randr_event + 1 {
            mustRelocate = true
        } else if kind == UInt8(XCB_DESTROY_NOTIFY) {
            let gone = unsafe event.withMemoryRebound(to: xcb_destroy_notify_event_t.self, capacity: 1) {
                unsafe $0.pointee.window
            }
            if case .window(gone) = id.source {
                failure = DeviceError(
                    .sourceClosed, operation: "DestroyNotify", device: id.text, reason: "the window was closed")
            }
        } else if kind == UInt8(XCB_CONFIGURE_NOTIFY) {
            unsafe event.withMemoryRebound(to: xcb_configure_notify_event_t.self, capacity: 1) {
                configured(unsafe $0.pointee)
            }
        } else if kind == UInt8(XCB_MAP_NOTIFY) || kind == UInt8(XCB_UNMAP_NOTIFY) {
            mustRelocate = true
        }
    }

    /// A window that is only moved keeps its pixels.
    private func configured(_ event: xcb_configure_notify_event_t) {
        if case .window = id.source, let area, Int(event.width) == area.pixels.width,
            Int(event.height) == area.pixels.height, Int(event.border_width) == area.pixels.x
        {
            return
        }
        mustRelocate = true
    }

    private func damaged(_ event: xcb_damage_notify_event_t) {
        guard let area, event.damage == damage else { return }
        let left = Int(event.area.x) - area.originX
        let top = Int(event.area.y) - area.originY
        let rows = max(0, top)..<max(0, top, min(area.pixels.height, top + Int(event.area.height)))
        guard !rows.isEmpty, left < area.pixels.width, left + Int(event.area.width) > 0 else { return }
        isChanged = true
        pictures?.markStale(rows)
    }
}
