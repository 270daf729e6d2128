/// Tells on standard error how far long work has come: a line that changes on a terminal, a line a step elsewhere.
final class Progress: Sendable {
    private let live: LiveLine?

    init() { live = Output.error.isTerminal ? LiveLine(.error) : nil }

    /// A step of the work begins.
    func step(_ text: String) {
        if let live { try? live.show(text) } else { note(text) }
    }

    /// How far the step has come; shown on terminals only.
    func detail(_ text: String) { try? live?.show(text) }

    func close() { try? live?.close() }
}
