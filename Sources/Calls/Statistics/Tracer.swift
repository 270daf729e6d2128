import Logging
public import Media
import Rooms
import Synchronization

/// One thing that happened in a session.
public struct TraceEvent: Sendable, Hashable {
    public var at: MonotonicInstant
    /// `join`, `joined`, `microphone.started`, `leave`, …
    public var name: String
    public var detail: String

    public init(at: MonotonicInstant, name: String, detail: String = "") {
        self.at = at
        self.name = name
        self.detail = detail
    }
}

/// Keeps what happened when in the session that is on, the newest 1,000 events, and logs it at debug level.
final class Tracer: Sendable {
    private static let limit = 1000
    private let events = Mutex<[TraceEvent]>([])
    private let now: @Sendable () -> MonotonicInstant
    private let logger: Logger

    init(call: CallID, now: @escaping @Sendable () -> MonotonicInstant) {
        self.now = now
        var logger = Logger(label: "reprise.call")
        logger[metadataKey: "call"] = "\(call)"
        self.logger = logger
    }

    func record(_ name: String, _ detail: String = "") {
        let event = TraceEvent(at: now(), name: name, detail: detail)
        events.withLock { events in
            if events.count == Self.limit { events.removeFirst() }
            events.append(event)
        }
        logger.debug("call event", metadata: ["event": "\(name)", "detail": "\(detail)"])
    }

    /// Hands over what was recorded and begins anew.
    func take() -> [TraceEvent] {
        events.withLock { events in
            defer { events = [] }
            return events
        }
    }
}
