/// Why bytes are not a STUN message, or not one to be believed.
package struct STUNError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. New codes may be added: switch with a `default`.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private let name: String
        package var description: String { name }

        /// No STUN: another protocol's bytes (RFC 7983), or classic STUN without the magic cookie.
        package static let notSTUN = Code(name: "notSTUN")
        /// The length field disagrees with the bytes there are.
        package static let badLength = Code(name: "badLength")
        /// An attribute that overruns the message, or whose value is not what its type says.
        package static let badAttribute = Code(name: "badAttribute")
        /// The FINGERPRINT is not that of the bytes: damaged, or another protocol.
        package static let badFingerprint = Code(name: "badFingerprint")
    }

    package var code: Code
    /// What is wrong, with the section that says so.
    package var reason: String

    init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    package var description: String { "STUN: \(reason)" }
}
