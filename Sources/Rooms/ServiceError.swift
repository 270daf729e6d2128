/// Why a service did not do what was asked.
public struct ServiceError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. New codes may be added: switch with a `default`.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private let name: String
        public var description: String { name }

        /// There is no such call.
        public static let notFound = Code(name: "notFound")
        /// A session id that has left before was used again.
        public static let sessionEnded = Code(name: "sessionEnded")
        /// The session to reconnect to is gone: a rejoin is needed.
        public static let sessionLost = Code(name: "sessionLost")
        /// The user lacks the capability.
        public static let notPermitted = Code(name: "notPermitted")
        /// The call was ended.
        public static let callEnded = Code(name: "callEnded")
        /// The service cannot be reached.
        public static let unreachable = Code(name: "unreachable")
        public static let invalidArgument = Code(name: "invalidArgument")
        /// The token, key or pin was refused.
        public static let unauthorized = Code(name: "unauthorized")
        /// The service has no room for another participant.
        public static let full = Code(name: "full")
        /// The service has no way to do this.
        public static let unsupported = Code(name: "unsupported")
        /// The service did not answer in time.
        public static let timedOut = Code(name: "timedOut")
        /// The service answered with an error of its own, or with what cannot be understood.
        public static let refused = Code(name: "refused")
    }

    public var code: Code
    /// What was asked: `join default:kitchen`.
    public var operation: String
    public var reason: String
    public var advice: String?

    public init(_ code: Code, operation: String, reason: String, advice: String? = nil) {
        self.code = code
        self.operation = operation
        self.reason = reason
        self.advice = advice
    }

    public var description: String { "\(operation): \(reason)" + (advice.map { ". \($0)" } ?? "") }
}
