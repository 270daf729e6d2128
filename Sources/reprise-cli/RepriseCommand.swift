import ArgumentParser
import Glibc
import Reprise

/// The `reprise` command.
@main
struct RepriseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reprise",
        abstract: "Calls that are left and rejoined on real devices.",
        discussion: """
            EXAMPLES:
              reprise mirror                    hear and see yourself through a call
              reprise mirror --cycles 5         leave it and rejoin it, with the time each restart took
              reprise join 1234 --service janus:ws://localhost:8188
              reprise devices                   microphones, speakers and cameras
              reprise doctor                    what is badly set on this machine
              reprise check --camera /dev/video0
              reprise bench restart --plot restart.svg

            Every subcommand has examples in its own --help. Results go to standard output, all else to standard error.
            """,
        version: "0.1.0",
        subcommands: [
            MirrorCommand.self, JoinCommand.self, DevicesCommand.self, DoctorCommand.self, CheckCommand.self,
            BenchCommand.self,
        ])

    static func main() async {
        // A closed pipe is an answer of write(), not the end of the process in the middle of a call.
        ignoreSignal(SIGPIPE)
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let error as OutputError where error.isClosed {
            // Whoever read has gone, as in `reprise devices | head -1`.
            exit(withError: ExitCode.success)
        } catch {
            exit(withError: error)
        }
    }
}
