public import Rooms

/// Why a call did not do what was asked.
public struct CallError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. New codes may be added: switch with a `default`.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private let name: String
        public var description: String { name }

        /// The cleanup of the last session has not ended in time. When it ends later, `join()` works again.
        public static let cleanupTimeout = Code(name: "cleanupTimeout")
        /// The service refused the join or could not be reached.
        public static let joinFailed = Code(name: "joinFailed")
        /// The connection was lost and did not come back in time.
        public static let reconnectionFailed = Code(name: "reconnectionFailed")
        /// The service ended the session.
        public static let ended = Code(name: "ended")
        /// What was asked needs a joined call.
        public static let notJoined = Code(name: "notJoined")
        /// The user may not do it.
        public static let notPermitted = Code(name: "notPermitted")
        /// Cleaning up after a session failed in part; the call was reset all the same.
        public static let cleanupFailed = Code(name: "cleanupFailed")
        /// A microphone, speaker, camera or screen failed in the call.
        public static let device = Code(name: "device")
        /// Work of a session failed; the session went on without it.
        public static let workFailed = Code(name: "workFailed")
    }

    public var code: Code
    /// The call: `default:kitchen`.
    public var call: String
    public var reason: String
    public var advice: String?
    /// What kind of refusal it was, where the service refused.
    public var service: ServiceError.Code?

    public init(_ code: Code, call: String, reason: String, advice: String? = nil, service: ServiceError.Code? = nil) {
        self.service = service
        self.code = code
        self.call = call
        self.reason = reason
        self.advice = advice
    }

    public var description: String { "call \(call): \(reason)" + (advice.map { ". \($0)" } ?? "") }
}
