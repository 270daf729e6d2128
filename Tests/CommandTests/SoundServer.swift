import Foundation
import Glibc

/// PipeWire with a session manager, a duplex null device and a null sink, in a runtime folder of its own, with ALSA's
/// `default` going to it. All of it ends with this object.
final class SoundServer: @unchecked Sendable {
    // Used by one test alone.
    private let folder: String
    private var processes: [Process] = []
    private var bus: Process?
    /// For programs that are to use it.
    let environment: [String: String]

    private static let devices = """
        context.objects = [
          { factory = adapter args = { factory.name = support.null-audio-sink node.name = first
            media.class = "Audio/Duplex" audio.position = "FL,FR" object.linger = true } }
          { factory = adapter args = { factory.name = support.null-audio-sink node.name = second
            media.class = "Audio/Sink" audio.position = "FL,FR" object.linger = true } }
        ]
        """

    /// Its own socket, which a server that is killed leaves behind.
    var socket: String { folder + "/pipewire-0" }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "reprise-server-\(UUID().uuidString)").path()
        let configuration = folder + "/config/pipewire/pipewire.conf.d"
        try FileManager.default.createDirectory(atPath: configuration, withIntermediateDirectories: true)
        environment = [
            "XDG_RUNTIME_DIR": folder, "PIPEWIRE_RUNTIME_DIR": folder, "HOME": folder,
            "XDG_CONFIG_HOME": folder + "/config", "XDG_STATE_HOME": folder + "/state",
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=\(folder)/bus", "ALSA_CONFIG_PATH": folder + "/asoundrc",
        ]
        try Self.devices.write(toFile: configuration + "/devices.conf", atomically: true, encoding: .utf8)
        let asoundrc = """
            pcm_type.pipewire { lib "\(try Self.plugIn())" }
            pcm.default { type pipewire hint { show on description "PipeWire" } }
            """
        try asoundrc.write(toFile: folder + "/asoundrc", atomically: true, encoding: .utf8)
        bus = try launch("dbus-daemon", "--session", "--nofork", "--address=unix:path=\(folder)/bus")
    }

    deinit {
        end()
        // A child of the test runner does not heed SIGTERM: its mask is inherited.
        if let bus { kill(bus.processIdentifier, SIGKILL) }
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// The package's plug-in, unpacked: installed it would become the machine's own default.
    private static func plugIn() throws -> String {
        let cache =
            ProcessInfo.processInfo.environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache"
        let script = """
            set -e
            shopt -s nullglob
            mkdir -p '\(cache)/reprise/pipewire-alsa'; cd '\(cache)/reprise/pipewire-alsa'
            find_it() { found=(usr/lib/*/alsa-lib/libasound_module_pcm_pipewire.so); }
            find_it
            ((${#found[@]})) || { apt-get -qq download pipewire-alsa >&2; dpkg -x pipewire-alsa*.deb .; find_it; }
            printf %s "$PWD/${found[0]}"
            """
        let run = try Self.output("/bin/bash", ["-c", script], [:])
        guard run.hasSuffix(".so") else { throw CocoaError(.fileNoSuchFile) }
        return run
    }

    /// Starts the server, and returns when it routes.
    func start() async throws {
        unsafe unlink(socket)
        unsafe unlink(socket + ".lock")
        processes = [try launch("pipewire")]
        while unsafe access(socket, F_OK) != 0 { try await Task.sleep(for: .milliseconds(1)) }
        processes.append(try launch("wireplumber"))
    }

    /// Ends it as a crash does.
    func end() {
        for process in processes {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        processes = []
    }

    /// Runs one of the server's own tools. Returns what it wrote.
    func tool(_ words: String...) throws -> String {
        try Self.output("/usr/bin/timeout", ["2"] + words, environment)
    }

    private func launch(_ words: String...) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    private static func output(_ path: String, _ arguments: [String], _ environment: [String: String]) throws -> String
    {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}
