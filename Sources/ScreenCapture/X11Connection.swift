internal import CXCB
import Glibc
import Media
import Synchronization

/// A reply of the server, freed with the last reference.
@safe
final class X11Reply<Value> {
    let pointer: UnsafeMutablePointer<Value>

    init(taking pointer: UnsafeMutablePointer<Value>) { unsafe self.pointer = pointer }

    deinit { unsafe free(pointer) }

    var value: Value { unsafe pointer.pointee }
}

/// What became of a request.
enum X11Answer<Value> {
    case pending
    case reply(X11Reply<Value>)
    /// The server refused it with this code (X11 protocol, Appendix B: 3 BadWindow, 8 BadMatch, 9 BadDrawable).
    case refused(UInt8)
    case closed
}

/// Ends a wait from another thread.
final class Interruption: Sendable {
    private let flag = Atomic<Bool>(false)
    let wakeup: Wakeup

    /// - Throws: where the process may open no more files.
    init() throws(DeviceError) { wakeup = try Wakeup(for: "capture", "x11") }

    var isRaised: Bool { flag.load(ordering: .acquiring) }

    func raise() {
        flag.store(true, ordering: .releasing)
        wakeup.signal()
    }
}

/// How long a request may take, and what ends the wait before.
struct X11Wait: Sendable {
    var deadline: MonotonicInstant
    var interruption: Interruption

    init(_ interruption: Interruption, within limit: Duration = .seconds(5)) {
        self.interruption = interruption
        deadline = MonotonicInstant.now() + limit
    }
}

/// Waits until one of the descriptors is readable (or broken) or the time is over.
func waitReadable(_ descriptors: [Int32], until deadline: MonotonicInstant?) {
    var set = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    // Rounded up: rounded down, the last millisecond would be spent in a busy loop.
    let left = deadline.map { max(0, ($0 - .now()).nanoseconds + 999_999) / 1_000_000 }
    let timeout = left.map { Int32(clamping: $0) } ?? -1
    // EINTR and errors come back at once: callers look at what they wait for and at the clock again.
    _ = unsafe set.withUnsafeMutableBufferPointer { unsafe poll($0.baseAddress, nfds_t($0.count), timeout) }
}

/// A connection to one screen of an X server. No call but ``open(_:_:)`` blocks without an end: a frozen server
/// cannot hold up a stop.
///
/// - Thread: libxcb serialises by itself; here it is used on one thread at a time, always one with SIGPIPE blocked.
@safe
final class X11Connection: @unchecked Sendable {
    let display: X11Display
    let handle: OpaquePointer
    let descriptor: Int32
    let features: xcb_shim_features
    let root: xcb_window_t
    let rootVisual: xcb_visualid_t

    /// Connects and negotiates the extensions. Blocks for as long as the server likes.
    private init(_ display: X11Display) throws(DeviceError) {
        xcb_shim_block_sigpipe()
        guard let handle = unsafe xcb_connect(display.name, nil) else { throw display.unreachable }
        guard unsafe xcb_connection_has_error(handle) == 0,
            let screen = unsafe xcb_shim_screen(handle, Int32(display.screen))
        else {
            unsafe xcb_disconnect(handle)
            throw display.unreachable
        }
        self.display = display
        unsafe self.handle = handle
        descriptor = unsafe xcb_get_file_descriptor(handle)
        root = unsafe screen.pointee.root
        rootVisual = unsafe screen.pointee.root_visual
        features = unsafe xcb_shim_query_features(handle)
    }

    deinit { unsafe xcb_disconnect(handle) }

    /// Connects on a thread of its own, which is left behind where the server takes the connection but never answers.
    static func open(_ display: X11Display, _ wait: X11Wait) throws(DeviceError) -> X11Connection {
        let outcome = try Outcome()
        let thread = DeviceThread(name: "x11-connect") { _ in
            outcome.set(
                Result { () throws(DeviceError) in
                    try X11Connection(display)
                })
        }
        defer { withExtendedLifetime(thread) {} }
        while true {
            if let result = outcome.take() { return try result.get() }
            if wait.interruption.isRaised { throw cancelled("xcb_connect", display) }
            if .now() >= wait.deadline { throw silent("xcb_connect", display) }
            waitReadable([outcome.done.descriptor, wait.interruption.wakeup.descriptor], until: wait.deadline)
        }
    }

    private final class Outcome: Sendable {
        private let result = Mutex<Result<X11Connection, DeviceError>?>(nil)
        let done: Wakeup

        init() throws(DeviceError) { done = try Wakeup(for: "xcb_connect", "x11") }

        func set(_ value: Result<X11Connection, DeviceError>) {
            result.withLock { $0 = value }
            done.signal()
        }

        func take() -> Result<X11Connection, DeviceError>? { result.withLock { $0.take() } }
    }

    static func cancelled(_ operation: String, _ display: X11Display) -> DeviceError {
        DeviceError(.cancelled, operation: operation, device: "x11\(display.name)", reason: "the start was cancelled")
    }

    private static func silent(_ operation: String, _ display: X11Display) -> DeviceError {
        DeviceError(
            .noDisplay, operation: operation, device: "x11\(display.name)", reason: "the X server does not answer")
    }

    var isClosed: Bool { unsafe xcb_connection_has_error(handle) != 0 }

    func flush() { _ = unsafe xcb_flush(handle) }

    func newID() -> UInt32 { unsafe xcb_generate_id(handle) }

    /// Looks for the answer to a request without waiting.
    func answer<Value>(_ sequence: UInt32, as type: Value.Type) -> X11Answer<Value> {
        var reply: UnsafeMutableRawPointer?
        var error: UnsafeMutablePointer<xcb_generic_error_t>?
        guard unsafe xcb_poll_for_reply(handle, sequence, &reply, &error) == 1 else {
            return isClosed ? .closed : .pending
        }
        if let error = unsafe error {
            defer { unsafe free(error) }
            return .refused(unsafe error.pointee.error_code)
        }
        guard let reply = unsafe reply else { return .closed }
        return unsafe .reply(X11Reply(taking: reply.assumingMemoryBound(to: type)))
    }

    /// Waits for the answer to a request.
    /// - Returns: nil where the server refused it.
    /// - Throws: `.noDisplay` when the server is gone or silent, `.cancelled` when interrupted.
    func reply<Value>(
        _ sequence: UInt32, as type: Value.Type, from operation: String, _ wait: X11Wait
    ) throws(DeviceError) -> X11Reply<Value>? {
        flush()
        while true {
            switch answer(sequence, as: type) {
            case .reply(let reply): return reply
            case .refused: return nil
            case .closed: throw display.lost(operation)
            case .pending: break
            }
            if wait.interruption.isRaised || .now() >= wait.deadline {
                unsafe xcb_discard_reply(handle, sequence)
                throw wait.interruption.isRaised
                    ? Self.cancelled(operation, display) : Self.silent(operation, display)
            }
            waitReadable([descriptor, wait.interruption.wakeup.descriptor], until: wait.deadline)
        }
    }

    /// Hands each event that has come to `body`; errors of requests without a reply come this way too and are left
    /// out.
    /// - `queuedOnly`: only those that lie in memory; the socket is not read.
    /// - Returns: whether there was one.
    func drainEvents(queuedOnly: Bool = false, _ body: (UnsafePointer<xcb_generic_event_t>) -> Void) -> Bool {
        var any = false
        while let event = unsafe queuedOnly ? xcb_poll_for_queued_event(handle) : xcb_poll_for_event(handle) {
            any = true
            if unsafe event.pointee.response_type != 0 { unsafe body(event) }
            unsafe free(event)
        }
        return any
    }
}
