import ArgumentParser
import Reprise

/// `reprise check`.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Test that this machine's devices survive leaving and rejoining.",
        discussion: """
            For each device, with both standby policies, and then for all together: join, frames flow, leave, the status \
            is notSelected and the handle closed (with warm: kept until the call is closed), rejoin, frames flow and none \
            is older than the join; again and again. Exit status 0 when all passed, 1 when something failed.

            EXAMPLES:
              reprise check
              reprise check --cycles 50 --camera /dev/video0 --no-microphone --no-speaker
              reprise check --json > report.json      for a bug report
            """)

    @OptionGroup var devices: DeviceOptions

    @Option(help: ArgumentHelp("How often each test joins and leaves.", valueName: "n"))
    var cycles = 10

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard (1...100_000).contains(cycles) else {
            throw ValidationError("--cycles \(cycles): give a number of joins from 1 to 100000.")
        }
    }

    func run() async throws {
        let chosen = try await ChosenDevices.choose(devices).pinned()
        let (cycles, progress) = (cycles, Progress())
        let report = try await interruptible {
            defer { progress.close() }
            return try await CheckReport.run(chosen, cycles: cycles, progress: progress)
        }
        if json {
            try Output.standard.line(report.json.text)
        } else {
            for line in report.lines { try Output.standard.line(line) }
        }
        if report.isInterrupted { throw ExitCode(130) }
        if !report.hasPassed { throw ExitCode.failure }
    }
}
