import ArgumentParser
import Reprise

/// `reprise devices`.
struct DevicesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices", abstract: "List microphones, speakers and cameras.",
        discussion: """
            The ids stay the same after a reboot and after cards were renumbered: use them in settings. A * marks the \
            default.

            EXAMPLES:
              reprise devices
              reprise devices --json | jq -r '.cameras[].id'
            """)

    @Flag(help: "Print one JSON object.")
    var json = false

    @Flag(help: "List the synthetic devices instead of the machine's.")
    var synthetic = false

    func run() async throws {
        let list = try await DeviceList(of: synthetic ? .withoutHardware : .real)
        if json { return try Output.standard.line(list.json.text) }
        for line in list.lines { try Output.standard.line(line) }
    }
}
