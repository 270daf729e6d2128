import Foundation
import Testing

@Suite("reprise mirror", .serialized)
struct MirrorCommandTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mirror-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    private func file(_ name: String) -> String { folder.appendingPathComponent(name).path }

    @Test("--json prints one object a session, each with its own ids, and every device left as not selected")
    func json() async throws {
        let run = try await Reprise.run(
            "mirror", "--synthetic", "--cycles", "3", "--duration", "0.8", "--pause", "0.05", "--json")
        #expect(run.status == 0, "\(run.errors)")
        let sessions = try run.objects()
        #expect(sessions.count == 3)
        #expect(Set(sessions.compactMap { $0["sessionID"] as? String }).count == 3)
        for (index, session) in sessions.enumerated() {
            #expect(session["session"] as? Int == index + 1)
            #expect(session["generation"] as? Int == index + 1)
            #expect((session["joinMs"] as? Double ?? -1) >= 0)
            #expect((session["leaveMs"] as? Double ?? -1) >= 0)
            let left = session["afterLeave"] as? [String: String]
            #expect(left == ["microphone": "notSelected", "speaker": "notSelected", "camera": "notSelected"])

            let microphone = try #require(session["microphone"] as? [String: Any])
            #expect(microphone["device"] as? String == "synthetic:microphone")
            #expect(microphone["status"] as? String == "enabled")
            #expect(microphone["format"] as? String == "S16_LE")
            #expect(microphone["rate"] as? Int == 48_000)
            #expect(microphone["channels"] as? Int == 1)
            #expect(microphone["periodFrames"] as? Int == 480)
            #expect((microphone["framesCaptured"] as? Int ?? 0) > 0)
            #expect(abs((microphone["peak"] as? Double ?? 0) - 0.5) < 0.01)
            #expect(microphone["xruns"] as? Int != nil)
            #expect((microphone["firstFrameMs"] as? Double ?? 0) > 0)

            let speaker = try #require(session["speaker"] as? [String: Any])
            #expect(speaker["device"] as? String == "synthetic:speaker")
            #expect(speaker["status"] as? String == "enabled")
            #expect((speaker["framesPlayed"] as? Int ?? 0) > 0)
            #expect((speaker["firstFrameMs"] as? Double ?? 0) > 0)
            for key in ["format", "rate", "channels", "periodFrames", "xruns", "late"] { #expect(speaker[key] != nil) }

            let camera = try #require(session["camera"] as? [String: Any])
            #expect(camera["device"] as? String == "synthetic:camera-front")
            #expect(camera["width"] as? Int == 1280)
            #expect(camera["height"] as? Int == 720)
            #expect(camera["fps"] as? Double == 30)
            #expect((camera["frames"] as? Int ?? 0) > 0)
            #expect((camera["firstFrameMs"] as? Double ?? 0) > 0)
            for key in ["format", "dropped"] { #expect(camera[key] != nil) }
        }
    }

    @Test("without a terminal it prints plain lines, and ends with a summary")
    func plain() async throws {
        let run = try await Reprise.run("mirror", "--synthetic", "--duration", "1.5", "--no-camera")
        #expect(run.status == 0)
        #expect(!run.output.contains("\u{1B}"))
        #expect(!run.output.contains("\r"))
        #expect(run.output.contains("1 session, "))
        #expect(run.output.contains("synthetic:microphone"))
        #expect(!run.output.contains("synthetic:camera"))
    }

    @Test("what is switched off is not there", arguments: ["microphone", "speaker", "camera"])
    func switchedOff(kind: String) async throws {
        let run = try await Reprise.run("mirror", "--synthetic", "--no-\(kind)", "--duration", "0.6", "--json")
        #expect(run.status == 0)
        let session = try #require(try run.objects().first)
        #expect(session[kind] is NSNull)
        for other in ["microphone", "speaker", "camera"] where other != kind {
            #expect(session[other] is [String: Any])
        }
    }

    @Test("the camera and the standby that were asked for are used")
    func chosenCamera() async throws {
        let run = try await Reprise.run(
            "mirror", "--synthetic", "--camera", "synthetic:camera-back", "--size", "640x480", "--standby", "warm",
            "--duration", "0.5", "--json")
        let camera = try #require(try run.objects().first?["camera"] as? [String: Any])
        #expect(camera["device"] as? String == "synthetic:camera-back")
        #expect(camera["width"] as? Int == 640)
        #expect(camera["height"] as? Int == 480)
    }

    @Test(
        "Ctrl-C, SIGTERM and a closed terminal leave the call, with the summary and status 0",
        arguments: [SIGINT, SIGTERM, SIGHUP])
    func interruption(signal: Int32) async throws {
        let command = try Reprise.start("mirror", "--synthetic", "--duration", "600")
        // The first line of its progress says that it is in the call.
        while !command.output.contains("session 1") { try await Task.sleep(for: .milliseconds(20)) }
        command.signal(signal)
        let run = try await command.end()
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains("1 session, "))
    }

    @Test("a reader that goes away ends it cleanly")
    func closedPipe() async throws {
        let command = try RunningCommand(
            ["mirror", "--synthetic", "--duration", "60"], redirection: "| head -n 1")
        let run = try await command.end()
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.split(separator: "\n").count == 1)
    }

    @Test("a standard output that is full is told, with status 1")
    func fullOutput() async throws {
        let run = try await Reprise.run(
            "mirror", "--synthetic", "--duration", "0.3", "--json", redirection: ">/dev/full")
        #expect(run.status == 1)
        #expect(run.errors.contains("No space left on device"))
    }

    @Test("--record writes the sound that came back: the tone of the synthetic microphone")
    func recording() async throws {
        let path = file("heard.wav")
        let run = try await Reprise.run("mirror", "--synthetic", "--no-camera", "--duration", "1.5", "--record", path)
        #expect(run.status == 0, "\(run.errors)")
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        #expect(bytes.count > 44 + 48_000)
        let samples = stride(from: 44, to: bytes.count - 1, by: 2).map {
            Int16(bitPattern: UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8)
        }
        // From the middle, where the encoder has settled: 440 Hz cross zero upwards 440 times a second.
        let part = samples[12_000..<24_000]
        let crossings = zip(part, part.dropFirst()).count { $0 < 0 && $1 >= 0 }
        #expect((105...115).contains(crossings))
    }

    @Test("a full disk ends --record with the reason", arguments: ["/dev/full", "/nowhere/heard.wav"])
    func fullDisk(path: String) async throws {
        let run = try await Reprise.run("mirror", "--synthetic", "--duration", "1", "--record", path)
        #expect(run.status == 1)
        #expect(run.errors.contains(path))
    }

    @Test("a disk that is full in the midst of a recording ends the recording, and not the call")
    func diskFillsUp() async throws {
        let folder = file("disk")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // A second of sound and a half fits, in a file system of the command's own.
        let run = try await RunningCommand(
            ["mirror", "--synthetic", "--no-camera", "--duration", "4", "--record", folder + "/heard.wav"],
            prefix: "exec unshare -rm bash -c 'mount -t tmpfs -o size=144k none \(folder) && exec \"$@\"' - "
        ).end()
        #expect(run.status == 1)
        #expect(run.errors.contains("the recording has ended, the call goes on"))
        #expect(run.errors.contains("heard.wav"))
        #expect(run.errors.contains("No space left on device"))
        #expect(run.output.contains("1 session, 4."), "\(run.output)")
    }

    @Test("--snapshot writes the picture that came back", arguments: ["me.jpg", "me.png"])
    func snapshot(name: String) async throws {
        let path = file(name)
        let run = try await Reprise.run("mirror", "--synthetic", "--duration", "1", "--snapshot", path)
        #expect(run.status == 0, "\(run.errors)")
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)).prefix(4))
        #expect(bytes == (name == "me.jpg" ? [0xFF, 0xD8, 0xFF, 0xE0] : [0x89, 0x50, 0x4E, 0x47]))
    }

    @Test("a machine without devices falls back to synthetic ones only when told to, and loudly")
    func fallback() async throws {
        // An ALSA without cards or PCMs, wherever the test runs; a camera may be there.
        let nothing = file("asoundrc")
        try Data().write(to: URL(fileURLWithPath: nothing))
        let devices = ["mirror", "--no-camera", "--duration", "0.5"]
        let refused = try await RunningCommand(devices, environment: ["ALSA_CONFIG_PATH": nothing]).end()
        try #require(refused.errors.contains("There is no microphone") || refused.status == 0)
        guard refused.status != 0 else { return }  // A machine whose cards are found without a configuration.
        #expect(refused.status == 1)
        #expect(refused.errors.contains("--synthetic"))
        let fallback = try await RunningCommand(
            devices + ["--synthetic-if-none"], environment: ["ALSA_CONFIG_PATH": nothing]
        ).end()
        #expect(fallback.status == 0)
        #expect(fallback.errors.contains("SYNTHETIC"))
        #expect(fallback.output.contains("synthetic:microphone"))
    }
}
