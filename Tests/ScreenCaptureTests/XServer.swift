import Foundation
import Synchronization

/// An Xvfb of a test's own, on a display number that it finds free by itself.
final class XServer: Sendable {
    struct NotStarted: Error {
        var arguments: [String]
    }

    private let process: Mutex<Process>
    /// As in $DISPLAY.
    let display: String
    let pid: Int32

    /// - `arguments`: more for Xvfb, such as `-extension MIT-SHM`.
    init(width: Int = 320, height: Int = 240, _ arguments: [String] = [], depth: Int = 24) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        // The number comes out as a line, once clients are served. `-terminate` would be the end at the first client.
        process.arguments =
            ["Xvfb", "-displayfd", "1", "-screen", "0", "\(width)x\(height)x\(depth)", "-nolisten", "tcp"]
            + (arguments.contains("-terminate") ? [] : ["-noreset"]) + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        var line = ""
        while !line.hasSuffix("\n"), let bytes = try output.fileHandleForReading.read(upToCount: 1) {
            line += String(decoding: bytes, as: UTF8.self)
        }
        guard let number = Int(line.dropLast()), process.isRunning else {
            throw NotStarted(arguments: process.arguments ?? [])
        }
        display = ":\(number)"
        pid = process.processIdentifier
        self.process = Mutex(process)
    }

    deinit { end() }

    /// Kills the server and waits for its end.
    func end() {
        process.withLock { process in
            guard process.isRunning else { return }
            kill(pid, SIGCONT)
            kill(pid, SIGKILL)
            process.waitUntilExit()
        }
    }

    /// Waits until the server ended by itself (`-terminate`: with its last client).
    func waitForEnd() { process.withLock { $0.waitUntilExit() } }

    /// Stops answering until ``thaw()``.
    func freeze() { kill(pid, SIGSTOP) }

    func thaw() { kill(pid, SIGCONT) }
}
