import ArgumentParser

/// `reprise bench`.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure on this machine's devices.", subcommands: [RestartCommand.self])
}
