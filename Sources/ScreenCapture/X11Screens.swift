internal import CXCB
public import Media
import Synchronization

/// The monitors and windows of an X server.
///
/// Ids are `x11:0/monitor/HDMI-1` (RandR's name), `x11:0/window/0x1c00007` (a window's own pixels, whatever covers
/// it) and `x11:0/desktop` (all monitors as one). The default is the primary monitor.
///
/// Frames are ``PixelFormat/bgrx`` in the source's own size, without a copy: the X server writes them into memory that
/// the frame shares. A source larger than the ``VideoTarget`` is not made smaller here; who encodes it scales
/// and converts it in one pass. The pointer is drawn in. While nothing changes, the last picture is handed on once a
/// second; a held frame keeps its buffer, of which a stream has four.
///
/// Errors: `.noDisplay` where no X server can be reached (in a Wayland session, where Xwayland does not run; Xwayland
/// itself shows X11 windows only, and its monitors are black).
/// - Thread: any.
/// - Source: MIT-SHM 1.2, RandR 1.5, Damage 1.1, Composite 0.2, XFixes 2; a server without one of them serves with
///   what it has.
public struct X11Screens: VideoDevices {
    private let name: String?

    /// - `display`: as in $DISPLAY, `:0` or `host:0.1`; nil reads $DISPLAY at each call.
    public init(display: String? = nil) { name = display }

    public func devices() async throws(DeviceError) -> [VideoDeviceInfo] {
        let display = try display()
        return try await Self.onThread { wait throws(DeviceError) in
            try Self.list(try X11Connection.open(display, wait), wait).map(\.info)
        }
    }

    /// - `id`: an id as listed, or its last part: `HDMI-1`, `0x1c00007`, `desktop`. A full id may name another display.
    ///   A window that is not listed (hidden, or inside another) may be named by its number.
    public func device(_ id: DeviceID) async throws(DeviceError) -> any VideoDevice {
        let named = ScreenID(id.rawValue)
        let display = if let named { named.display } else { try display() }
        let found = try await Self.onThread { wait throws(DeviceError) in
            let connection = try X11Connection.open(display, wait)
            let known = try Self.list(connection, wait)
            let match = known.first { $0.id == named || $0.info.id == id || $0.id.source.isCalled(id.rawValue) }
            if let match { return match }
            let source = named?.source ?? ScreenSource.windowNumber(id.rawValue).map { .window($0) }
            if case .window(let window) = source, let state = try connection.windowState(window, wait) {
                return Self.entry(
                    ScreenID(display: display, source: .window(window)), "Window 0x\(String(window, radix: 16))",
                    state.width, state.height)
            }
            throw DeviceError(
                .noDevice, operation: "X11Screens.device(\(id))", device: id.rawValue,
                reason: "there is no such monitor or window",
                advice: "Known are: \(known.map(\.info.id.rawValue).joined(separator: ", "))")
        }
        return X11Screen(found.id, info: found.info)
    }

    private struct Entry: Sendable {
        var id: ScreenID
        var info: VideoDeviceInfo
    }

    private func display() throws(DeviceError) -> X11Display {
        if let name { return try X11Display.parse(name) }
        return try X11Display.fromEnvironment()
    }

    private static func list(_ connection: X11Connection, _ wait: X11Wait) throws(DeviceError) -> [Entry] {
        let display = connection.display
        var entries = try connection.monitors(wait).map { monitor in
            entry(
                ScreenID(display: display, source: .monitor(monitor.name)), "Monitor \(monitor.name)",
                monitor.area.width, monitor.area.height)
        }
        // With one monitor the desktop is that monitor.
        if entries.count != 1 {
            let size = try connection.desktop(wait)
            entries.append(
                entry(ScreenID(display: display, source: .desktop), "Whole desktop", size.width, size.height))
        }
        entries += try connection.windows(wait).map { window in
            entry(ScreenID(display: display, source: .window(window.id)), window.title, window.width, window.height)
        }
        if !entries.isEmpty { entries[0].info.isDefault = true }
        return entries
    }

    private static func entry(_ id: ScreenID, _ name: String, _ width: Int, _ height: Int) -> Entry {
        Entry(
            id: id,
            info: VideoDeviceInfo(
                id: DeviceID(id.text), name: name, bus: "x11\(id.display.name)",
                modes: [VideoMode(format: "BGRX", width: width, height: height, rates: [])]))
    }

    /// Runs blocking requests on a thread of their own; cancelling the task ends them.
    private static func onThread<Value: Sendable>(
        _ body: @escaping @Sendable (X11Wait) throws(DeviceError) -> Value
    ) async throws(DeviceError) -> Value {
        let interruption = try Interruption()
        let outcome = Outcome<Value>()
        let thread = DeviceThread(name: "x11-query") { _ in
            xcb_shim_block_sigpipe()
            let result = Result { () throws(DeviceError) in try body(X11Wait(interruption)) }
            outcome.result.withLock { $0 = result }
        }
        await withTaskCancellationHandler {
            await thread.join()
        } onCancel: {
            interruption.raise()
        }
        guard let result = outcome.result.withLock({ $0 }) else { preconditionFailure("the thread leaves a result") }
        return try result.get()
    }

    private final class Outcome<Value: Sendable>: Sendable {
        let result = Mutex<Result<Value, DeviceError>?>(nil)
    }
}
