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
              reprise devices --watch
              reprise devices --json | jq -r '.cameras[].id'
            """)

    @Flag(help: "Print one JSON object.")
    var json = false

    @Flag(help: "List the synthetic devices instead of the machine's.")
    var synthetic = false

    @Flag(help: "Go on telling what is plugged and unplugged, a line each, until Ctrl-C.")
    var watch = false

    func run() async throws {
        if watch {
            let follower = DeviceFollower(
                system: (synthetic ? Machine.withoutHardware : .real).devices, isJSON: json)
            return try await interruptible { try await follower.run() }
        }
        let list = try await DeviceList(of: synthetic ? .withoutHardware : .real)
        if json { return try Output.standard.line(list.json.text) }
        for line in list.lines { try Output.standard.line(line) }
    }
}
