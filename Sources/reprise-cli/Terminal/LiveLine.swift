import Glibc
import Synchronization

/// The bottom line of a terminal, written again and again; lines that stay are put above it.
final class LiveLine: Sendable {
    private let output: Output
    private let isShown = Mutex(false)

    /// The line that is to be taken away if the process is ended at once.
    private static let current = Mutex<LiveLine?>(nil)

    init(_ output: Output) {
        self.output = output
        Self.current.withLock { $0 = self }
    }

    /// - `text`: cut to the terminal's width.
    func show(_ text: String) throws(OutputError) {
        let isFirst = isShown.withLock { isShown in
            defer { isShown = true }
            return !isShown
        }
        // The cursor is hidden: it would jump about.
        try output.write((isFirst ? "\u{1B}[?25l" : "") + "\r" + text.prefix(output.width - 1) + "\u{1B}[K")
    }

    /// Puts a line above, to stay.
    func keep(_ text: String) throws(OutputError) { try output.write((takeDown() ?? "") + text + "\n") }

    /// Takes the line away and returns the terminal to what it was.
    func close() throws(OutputError) {
        Self.current.withLock { if $0 === self { $0 = nil } }
        if let codes = takeDown() { try output.write(codes) }
    }

    /// For a process that is about to end by force.
    static func restoreTerminal() { try? current.withLock { $0 }?.close() }

    private func takeDown() -> String? {
        isShown.withLock { isShown in
            defer { isShown = false }
            return isShown ? "\r\u{1B}[K\u{1B}[?25h" : nil
        }
    }
}
