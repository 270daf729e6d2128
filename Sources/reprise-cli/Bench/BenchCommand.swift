import ArgumentParser

/// `reprise bench`.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure on this machine.",
        subcommands: [RestartCommand.self, RoomCommand.self])
}
