import Glibc
import Reprise
import Synchronization

/// Where a command that holds sessions shows itself: a live line on a terminal, plain lines elsewhere, one object a session for `--json`.
final class SessionDisplay: Sendable {
    private let isJSON: Bool
    private let live: LiveLine?
    private let width: Int?
    private let isUnicode: Bool
    private let lastPlain = Mutex<MonotonicInstant?>(nil)

    init(json: Bool) {
        isJSON = json
        // What is parsed goes to standard output alone; a person may watch on standard error.
        let output = json ? Output.error : .standard
        live = output.isTerminal && Self.environment("TERM") != "dumb" ? LiveLine(output) : nil
        width = live == nil ? nil : output.width
        isUnicode = (Self.environment("LC_ALL") ?? Self.environment("LC_CTYPE") ?? Self.environment("LANG") ?? "")
            .uppercased().contains("UTF")
    }

    /// Whether a person watches, who can press Ctrl-C.
    var isWatched: Bool { live != nil && !isJSON }

    /// Shows how the session goes; plain lines once a second.
    func show(_ status: LiveStatus) throws(OutputError) {
        if let live, let width { return try live.show(status.text(width: width, unicode: isUnicode)) }
        guard !isJSON else { return }
        let now = MonotonicInstant.now()
        let isDue = lastPlain.withLock { last in
            if let before = last, now - before < .seconds(1) { return false }
            defer { last = now }
            // The first line of a session would show nothing yet.
            return last != nil
        }
        if isDue { try Output.standard.line(status.text(width: .max, unicode: false)) }
    }

    /// A line for people, which stays.
    func line(_ text: String) throws(OutputError) {
        if let live { try live.keep(text) } else if !isJSON { try Output.standard.line(text) }
    }

    /// A line of trouble.
    func trouble(_ text: String) throws(OutputError) {
        try live?.close()
        note(text)
    }

    func record(_ record: SessionRecord) throws(OutputError) {
        lastPlain.withLock { $0 = nil }
        try live?.close()
        try self.record(record.json)
    }

    /// A line for programs.
    func record(_ json: JSON) throws(OutputError) { if isJSON { try Output.standard.line(json.text) } }

    func close() throws(OutputError) { try live?.close() }

    private static func environment(_ name: String) -> String? {
        guard let value = unsafe getenv(name), unsafe value.pointee != 0 else { return nil }
        return unsafe String(cString: value)
    }
}
