import Foundation
import Media
import Synchronization

/// The device lab, seen from inside: the VM whose sound cards and cameras the device suites use
/// (Tests/DeviceLab/README.md).
enum DeviceLab {
    /// Whether the tests run in the lab. Every device suite carries `.enabled(if: DeviceLab.isHere)`: elsewhere it is
    /// skipped; in the lab a skipped suite fails the run.
    static let isHere = environment("REPRISE_DEVICE_LAB") != nil

    /// The `reprise` command, as it was built with these tests.
    static var command: String { (environment("REPRISE_BUILD") ?? ".build/lab/release") + "/reprise" }

    /// A folder that outlives the VM: `.build/device-lab/shared` on the host.
    static var shared: String { environment("LAB_SHARED") ?? "/tmp" }

    private static func environment(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }

    /// Runs a program to its end, without holding a thread of the concurrency pool.
    static func run(_ program: String, _ arguments: String...) async throws -> ProgramResult {
        try await RunningProgram(program, arguments).end()
    }

    /// Runs a line of bash.
    static func shell(_ line: String) async throws -> ProgramResult { try await run("bash", "-c", line) }
}

/// What a program said, and how it ended.
struct ProgramResult: Sendable {
    var status: Int32
    var output: String
    var errors: String
}

/// A program that runs beside the test: a player, a recorder, another owner of a device.
final class RunningProgram: @unchecked Sendable {
    // Set up in the initialiser and only read after it; Process guards its own state.
    private let process = Process()
    private let files: [URL]
    private let ended = Completion()
    /// Those that run: a test that failed before it could stop its programs leaves them to the next one.
    private static let running = Mutex<[Int32: RunningProgram]>([:])

    init(_ program: String, _ arguments: [String]) throws {
        // Files, not pipes: nobody needs to empty them while the program runs.
        let folder = FileManager.default.temporaryDirectory
        files = ["out", "err"].map { folder.appendingPathComponent("reprise-\(UUID().uuidString).\($0)") }
        for file in files { try Data().write(to: file) }
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: files[0])
        process.standardError = try FileHandle(forWritingTo: files[1])
        process.terminationHandler = { [ended] _ in ended.complete() }
        try process.run()
        Self.running.withLock { $0[id] = self }
    }

    var id: Int32 { process.processIdentifier }

    var isRunning: Bool { process.isRunning }

    /// What it has said so far.
    var output: String { (try? String(contentsOf: files[0], encoding: .utf8)) ?? "" }

    /// Waits until it has ended.
    func end() async throws -> ProgramResult {
        await ended.wait()
        _ = Self.running.withLock { $0.removeValue(forKey: id) }
        defer { for file in files { try? FileManager.default.removeItem(at: file) } }
        return ProgramResult(
            status: process.terminationStatus, output: try String(contentsOf: files[0], encoding: .utf8),
            errors: try String(contentsOf: files[1], encoding: .utf8))
    }

    static func stopAll() async {
        for program in running.withLock({ Array($0.values) }) { _ = try? await program.stop() }
    }

    /// Ends it, and waits until it is gone. By SIGKILL: a program inherits the signals that the thread which started
    /// it blocks, and on the concurrency pool's threads those are all others.
    @discardableResult
    func stop(_ signal: Int32 = SIGKILL) async throws -> ProgramResult {
        kill(id, signal)
        return try await end()
    }
}
