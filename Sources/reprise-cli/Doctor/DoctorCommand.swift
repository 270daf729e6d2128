import ArgumentParser
import Reprise

/// `reprise doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Say what is missing or badly set on this machine, and how to mend it.",
        discussion: """
            Looks at permissions, devices and who holds them, mixers, real-time limits and the display; changes nothing. \
            Exit status 0 when a call would work here: a microphone and a speaker can be opened now. 1 when not.

            EXAMPLES:
              reprise doctor
              reprise doctor --json | jq '.findings[] | select(.level != "ok")'
            """)

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
        let findings = Diagnosis.findings(await MachineFacts.gather())
        let works = !findings.contains { $0.level == .failure }
        if json {
            let report: JSON = ["callWorks": .bool(works), "findings": .array(findings.map(\.json))]
            try Output.standard.line(report.text)
        } else {
            for finding in findings { for line in finding.lines { try Output.standard.line(line) } }
            try Output.standard.line()
            try Output.standard.line(works ? "A call would work here." : "A call would not work here.")
        }
        if !works { throw ExitCode.failure }
    }
}
