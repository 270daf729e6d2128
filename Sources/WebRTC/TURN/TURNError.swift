/// Why a TURN server relays nothing for us.
package struct TURNError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. New codes may be added: switch with a `default`.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private let name: String
        package var description: String { name }

        /// 401: the user name or the credential is wrong.
        package static let unauthorized = Code(name: "unauthorized")
        /// 403: the server does not relay for us, or not to that peer.
        package static let forbidden = Code(name: "forbidden")
        /// 437: the server has no such allocation (any more), or has one already.
        package static let allocationMismatch = Code(name: "allocationMismatch")
        /// 440, 442, 443: the address family or transport is not served.
        package static let unsupported = Code(name: "unsupported")
        /// 486: the user has all the allocations that he may have.
        package static let quotaReached = Code(name: "quotaReached")
        /// 508: the server has no more ports or bandwidth.
        package static let insufficientCapacity = Code(name: "insufficientCapacity")
        /// 300, more often than one follows it.
        package static let redirectedTooOften = Code(name: "redirectedTooOften")
        /// No answer.
        package static let timedOut = Code(name: "timedOut")
        /// The stream to the server could not be opened, or ended.
        package static let streamClosed = Code(name: "streamClosed")
        /// The server's name has no address.
        package static let unresolved = Code(name: "unresolved")
        /// The server answers what RFC 8656 does not foresee.
        package static let protocolViolation = Code(name: "protocolViolation")
        /// Another error of the server's.
        package static let refused = Code(name: "refused")

        static func answer(_ code: Int) -> Code {
            switch code {
            case 401: .unauthorized
            case 403: .forbidden
            case 437: .allocationMismatch
            case 440, 442, 443: .unsupported
            case 486: .quotaReached
            case 508: .insufficientCapacity
            default: .refused
            }
        }
    }

    /// Whether asking again, later, may have another answer.
    var mayPass: Bool {
        switch code {
        case .unauthorized, .forbidden, .unsupported, .redirectedTooOften, .unresolved: false
        default: true
        }
    }

    package var code: Code
    /// What happened, with the server's own words where it had some.
    package var reason: String

    init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    package var description: String { "TURN: \(reason)" }
}
