/// Why text is no session description.
package struct SDPError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. New codes may be added: switch with a `default`.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private let name: String
        package var description: String { name }

        /// Longer, or of more parts, than any peer writes.
        package static let tooLarge = Code(name: "tooLarge")
        /// A line that is not `x=…`, or whose fields are not what its type asks for.
        package static let badLine = Code(name: "badLine")
        /// The first line is not `v=0`.
        package static let badVersion = Code(name: "badVersion")
    }

    package var code: Code
    /// From 1; 0 where the whole text is meant.
    package var line: Int
    /// What is wrong, with the section that says so.
    package var reason: String

    init(_ code: Code, line: Int, _ reason: String) {
        self.code = code
        self.line = line
        self.reason = reason
    }

    package var description: String { "SDP" + (line > 0 ? ", line \(line)" : "") + ": \(reason)" }
}
