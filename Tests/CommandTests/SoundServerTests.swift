import Foundation
import Glibc
import Reprise
import Testing

/// A call on PipeWire's `default`, watched through what `reprise mirror --watch` tells.
@Suite("A sound server under a call", .serialized, .timeLimit(.minutes(2)))
struct SoundServerTests {
    @Test("PipeWire killed under a call is told with what to do, and its return brings the sound back")
    func killed() async throws {
        let server = try SoundServer()
        try await server.start()
        let mirror = try await call(on: server)
        server.end()
        try await until { ["speaker", "microphone"].allSatisfy { mirror.output.contains("\($0) disabled:") } }
        #expect(mirror.output.contains("Start the sound server, or choose a card of its own"))
        try await server.start()
        let back = MonotonicInstant.now()
        try await until {
            ["speaker", "microphone"].allSatisfy { mirror.output.contains("\($0) default enabled, silent for") }
        }
        print("sound is back \((MonotonicInstant.now() - back).milliseconds) ms after the server was")
        let run = try await end(mirror)
        for line in run.output.split(separator: "\n") where line.contains(" ms  ") { print(line) }
        #expect(run.status == 0)
        #expect(run.output.contains("1 session"))
    }

    @Test("another default device of the server is where the call sounds on, without a break of the call")
    func otherDefault() async throws {
        let server = try SoundServer()
        try await server.start()
        let mirror = try await call(on: server)
        let before = try await sink(server)
        let other = before == "first" ? "second" : "first"
        _ = try server.tool(
            "pw-metadata", "0", "default.configured.audio.sink", "{\"name\":\"\(other)\"}", "Spa:String:JSON")
        var now = before
        while now != other { now = try await sink(server) }
        let run = try await end(mirror)
        #expect(run.status == 0)
        #expect(!run.output.contains("disabled"))
        let summary = run.output.split(separator: "\n").first { $0.contains("speaker") && $0.contains("S16_LE") }
        #expect(summary != nil)
    }

    @Test("devices --watch tells what there is, and a sound server that comes and goes, an event each")
    func watched() async throws {
        let server = try SoundServer()
        let watch = try RunningCommand(["devices", "--watch", "--json"], environment: server.environment)
        try await until { watch.output.contains("\"signals\":[]") }
        try await server.start()
        try await until { watch.output.contains("soundServer pipewire-0 added") }
        server.end()
        unsafe unlink(server.socket)
        try await until { watch.output.contains("soundServer pipewire-0 removed") }
        let run = try await end(watch)
        let events = try run.objects()
        #expect(events.allSatisfy { $0["added"] != nil && $0["removed"] != nil && $0["changed"] != nil })
        #expect((events.first?["added"] as? [[String: Any]])?.contains { $0["id"] as? String == "default" } == true)
    }

    /// A call that sounds.
    private func call(on server: SoundServer) async throws -> RunningCommand {
        let mirror = try RunningCommand(
            [
                "mirror", "--watch", "--microphone", "default", "--speaker", "default", "--no-camera", "--duration",
                "60",
            ], environment: server.environment)
        try await until {
            ["speaker", "microphone"].allSatisfy { mirror.output.contains("\($0) default enabled") }
        }
        return mirror
    }

    private func end(_ mirror: RunningCommand) async throws -> Reprise.Run {
        mirror.signal(SIGINT)
        return try await mirror.end()
    }

    /// The device that the call plays to.
    private func sink(_ server: SoundServer) async throws -> String {
        while true {
            let links = try server.tool("pw-link", "--links", "--output").split(separator: "\n").map(String.init)
            // The call's port, and under it where it leads.
            if let port = links.firstIndex(where: { $0.contains("output_FL") && !$0.contains("->") }),
                let link = links.dropFirst(port + 1).first, link.contains("->"),
                let name = ["first", "second"].first(where: link.contains)
            {
                return name
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func until(_ isTrue: () -> Bool) async throws {
        while !isTrue() { try await Task.sleep(for: .milliseconds(5)) }
    }
}
