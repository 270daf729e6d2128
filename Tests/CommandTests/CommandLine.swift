import Foundation
import Testing

/// The `reprise` command, run as a person runs it.
enum Reprise {
    /// What a run said, and how it ended.
    struct Run: Sendable {
        /// The exit status; 128 + the signal's number where a signal ended it.
        var status: Int32
        var output: String
        var errors: String

        /// The lines of its output, each parsed as a JSON object.
        func objects(sourceLocation: SourceLocation = #_sourceLocation) throws -> [[String: Any]] {
            try output.split(separator: "\n").map { line in
                let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
                return try #require(value as? [String: Any], sourceLocation: sourceLocation)
            }
        }
    }

    /// The command lies beside the test bundle.
    static let path: String = {
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let built = URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("reprise").path
        return FileManager.default.isExecutableFile(atPath: built)
            ? built
            : FileManager.default.currentDirectoryPath + "/.build/debug/reprise"
    }()

    /// Runs a command to its end.
    /// - `redirection`: added to the command line for a shell, as `>/dev/full` or `| head -1`; its status is the command's
    ///   own.
    static func run(_ arguments: String..., redirection: String = "") async throws -> Run {
        let running = try RunningCommand(arguments, redirection: redirection)
        return try await running.end()
    }

    /// Starts a command that runs until it is told to end.
    static func start(_ arguments: String...) throws -> RunningCommand { try RunningCommand(arguments) }
}

/// A command that runs.
final class RunningCommand: @unchecked Sendable {
    // Set up in the initialiser and only read after it; Process guards its own state.
    private let process = Process()
    private let files: [URL]
    private let ended: AsyncStream<Void>

    /// - `prefix`: what the shell does before, with the command as its last word's arguments.
    /// - `environment`: added to this process's own.
    init(
        _ arguments: [String], redirection: String = "", prefix: String = "exec ", environment: [String: String] = [:]
    ) throws {
        // Files, not pipes: nobody needs to empty them while the command runs.
        let folder = FileManager.default.temporaryDirectory
        files = ["out", "err"].map { folder.appendingPathComponent("reprise-\(UUID().uuidString).\($0)") }
        for file in files { try Data().write(to: file) }
        let words = ([Reprise.path] + arguments).map { "'\($0)'" }.joined(separator: " ")
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        let line = redirection.isEmpty ? prefix + words : "\(words) \(redirection); exit ${PIPESTATUS[0]}"
        process.arguments = ["-c", line]
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: files[0])
        process.standardError = try FileHandle(forWritingTo: files[1])
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        ended = stream
        process.terminationHandler = { _ in continuation.finish() }
        try process.run()
    }

    /// What it has written so far.
    var output: String { (try? String(contentsOf: files[0], encoding: .utf8)) ?? "" }

    var errors: String { (try? String(contentsOf: files[1], encoding: .utf8)) ?? "" }

    var id: Int32 { process.processIdentifier }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    func end() async throws -> Reprise.Run {
        for await _ in ended {}
        defer { for file in files { try? FileManager.default.removeItem(at: file) } }
        let status = process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
        return Reprise.Run(
            status: status, output: try String(contentsOf: files[0], encoding: .utf8),
            errors: try String(contentsOf: files[1], encoding: .utf8))
    }
}
