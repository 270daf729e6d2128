/// One thing that the doctor looked at.
struct Finding: Sendable, Equatable {
    enum Level: String, Sendable {
        /// All is well.
        case ok
        /// Worth knowing.
        case note
        /// A call works, and not as well as it could.
        case warning
        /// A call does not work because of it.
        case failure
    }

    var level: Level
    /// `microphone`, `permissions`, …
    var subject: String
    var text: String
    /// The command that mends it, or what to do.
    var remedy: String?

    var lines: [String] {
        let mark =
            switch level {
            case .ok: "ok  "
            case .note: "note"
            case .warning: "WARN"
            case .failure: "FAIL"
            }
        return ["\(mark)  \(subject): \(text)"] + (remedy.map { ["      mend it: \($0)"] } ?? [])
    }

    var json: JSON {
        [
            "level": JSON(level.rawValue), "subject": JSON(subject), "text": JSON(text), "remedy": JSON(remedy),
        ]
    }
}
