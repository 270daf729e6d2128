import Foundation
import Glibc
import Testing

/// A call whose process may open no more files: the limit is lowered from outside.
@Suite("Descriptors exhausted under a call", .serialized, .timeLimit(.minutes(2)))
struct ExhaustionTests {
    @Test("at the join it is an error that names it")
    func join() async throws {
        let mirror = try RunningCommand(["mirror", "--synthetic"], prefix: "ulimit -n 20; exec ")
        let run = try await mirror.end()
        #expect(run.status != 0)
        #expect(run.errors.contains("Too many open files") && run.errors.contains("ulimit -n"), "\(run.errors)")
    }

    @Test("in the call a device that comes back cannot be had, which is told; it is taken when there is room")
    func device() async throws {
        let cards = try IdealCards()
        let mirror = try RunningCommand(
            [
                "mirror", "--watch", "--microphone", "ideal", "--speaker", "ideal-loop", "--no-camera", "--duration",
                "60",
            ], environment: cards.environment)
        try await until {
            ["microphone ideal enabled", "speaker ideal-loop enabled"].allSatisfy(mirror.output.contains)
        }
        try limit(mirror, "4")
        cards.setVanished("ideal", true)
        try await until { mirror.output.contains("microphone disabled: ") }
        cards.setVanished("ideal", false)
        try await until { mirror.output.contains("Too many open files") }
        #expect(mirror.output.contains("ulimit -n"))
        #expect(!mirror.output.contains("speaker disabled"))
        try limit(mirror, "1024")
        try await until { mirror.output.contains("microphone ideal enabled, silent for") }
        mirror.signal(SIGINT)
        let run = try await mirror.end()
        #expect(run.status == 0 && run.output.contains("1 session"))
    }

    private func limit(_ command: RunningCommand, _ count: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["prlimit", "--pid", "\(command.id)", "--nofile=\(count):4096"]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    private func until(_ isTrue: () -> Bool) async throws {
        while !isTrue() { try await Task.sleep(for: .milliseconds(5)) }
    }
}

/// Ideal cards (Tests/IdealCard) for a command.
private final class IdealCards {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "reprise-cards-\(UUID().uuidString)")

    init() throws {
        let source = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let make = Process()
        make.executableURL = URL(filePath: "/usr/bin/env")
        make.arguments = ["make", "-s", "-C", source.appending(path: "IdealCard").path(), "OUT=\(folder.path())"]
        try make.run()
        make.waitUntilExit()
        try #require(make.terminationStatus == 0)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    var environment: [String: String] { ["ALSA_CONFIG_PATH": folder.appending(path: "asoundrc").path()] }

    /// Takes a card away, or brings it back: the first word of its control file (ideal_card.h).
    func setVanished(_ card: String, _ isVanished: Bool) {
        let file = unsafe open(folder.appending(path: "\(card).control").path(), O_WRONLY)
        precondition(file >= 0, "the card's control file is made when it is opened")
        defer { close(file) }
        var word: UInt32 = isVanished ? 1 : 0
        let written = unsafe write(file, &word, 4)
        precondition(written == 4)
    }
}
