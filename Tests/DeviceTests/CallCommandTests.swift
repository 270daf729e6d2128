import Foundation
import Testing

@Suite("The reprise command on real drivers", .enabled(if: DeviceLab.isHere), .serialized)
struct CallCommandTests {
    static let loopback = [
        "--microphone", "hw:CARD=Loopback,DEV=0,SUBDEV=0", "--speaker", "hw:CARD=Loopback,DEV=0,SUBDEV=1",
    ]

    /// One object of `mirror --json`, as far as these tests read it.
    struct Session: Decodable {
        struct Audio: Decodable {
            var device: String
            var status: String
            var rate: Int
            var framesCaptured: Int?
            var framesPlayed: Int?
            var peak: Double?
            var firstFrameMs: Double?
        }
        struct Video: Decodable {
            var device: String
            var frames: Int
            var firstFrameMs: Double?
        }
        var session: Int
        var sessionID: String
        var generation: Int
        var microphone: Audio?
        var speaker: Audio?
        var camera: Video?
        var leaveMs: Double
        var afterLeave: [String: String?]
    }

    @Test("devices lists every card and camera, and no output node of a camera")
    func devices() async throws {
        let result = try await reprise("devices")
        #expect(result.status == 0, "\(result.errors)")
        for name in ["Loopback", "Intel", "Audio", "vivid"] {
            #expect(result.output.contains(name), "\(result.output)")
        }
        let json = try await reprise("devices", "--json")
        #expect(json.status == 0)
        _ = try JSONSerialization.jsonObject(with: Data(json.output.utf8))
        // vivid's second node puts pictures out.
        #expect(!json.output.contains("video1\""))
    }

    @Test("doctor says who holds a device")
    func doctor() async throws {
        let other = try RunningProgram(
            "arecord", ["-q", "-D", "hw:Intel,2", "-f", "S16_LE", "-r", "48000", "-c", "2", "/dev/null"])
        let isRunning = try await reached {
            try await DeviceLab.shell("cat /proc/asound/Intel/pcm2c/sub0/status").output.contains("RUNNING")
        }
        #expect(isRunning)
        let result = try await reprise("doctor")
        #expect((result.output + result.errors).contains("arecord"), "\(result.output)\(result.errors)")
        try await other.stop()
    }

    @Test("doctor says that a speaker is muted, and the command that mends it")
    func doctorMuted() async throws {
        _ = try await DeviceLab.shell("amixer -q -c Intel sset Master mute")
        let result = try await reprise("doctor")
        _ = try await DeviceLab.shell("amixer -q -c Intel sset Master unmute")
        let text = (result.output + result.errors).lowercased()
        #expect(text.contains("mute") && text.contains("amixer"), "\(text)")
    }

    @Test("mirror joins, leaves and joins again, and tells each session as an object of JSON")
    func mirror() async throws {
        let tone = try await Tone(frequency: 440, amplitude: 0.5).speak(seconds: 120)
        let result = try await reprise(
            ["mirror"] + Self.loopback
                + [
                    "--camera", "/dev/video0", "--size", "320x180", "--duration", "4", "--cycles", "3", "--pause",
                    "0.2", "--json",
                ])
        try await tone.stop()
        #expect(result.status == 0, "\(result.errors)")
        let sessions = try result.output.split(separator: "\n").map {
            try JSONDecoder().decode(Session.self, from: Data($0.utf8))
        }
        #expect(sessions.map(\.session) == [1, 2, 3])
        #expect(Set(sessions.map(\.sessionID)).count == 3)
        for session in sessions {
            #expect(session.microphone?.status == "enabled")
            #expect(session.speaker?.status == "enabled")
            #expect((session.microphone?.framesCaptured ?? 0) > 48_000)
            #expect((session.speaker?.framesPlayed ?? 0) > 48_000)
            #expect(abs((session.microphone?.peak ?? 0) - 0.5) < 0.05)
            #expect((session.camera?.frames ?? 0) > 5)
            #expect((session.microphone?.firstFrameMs ?? -1) > 0)
            #expect(session.afterLeave.values.allSatisfy { $0 == "notSelected" })
        }
    }

    @Test("mirror writes the picture it sends and the sound it gets")
    func mirrorWrites() async throws {
        let (picture, sound) = ("\(DeviceLab.shared)/mirror.png", "\(DeviceLab.shared)/mirror.wav")
        let tone = try await Tone(frequency: 700, amplitude: 0.5).speak(seconds: 60)
        let result = try await reprise(
            ["mirror"] + Self.loopback
                + [
                    "--camera", "/dev/video0", "--size", "320x180", "--duration", "4", "--snapshot", picture,
                    "--record", sound,
                ])
        try await tone.stop()
        #expect(result.status == 0, "\(result.errors)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: picture)).starts(with: [0x89, 0x50, 0x4E, 0x47]))
        let pitch = median(try Recording(sound).lastSound(seconds: 1).windows(seconds: 0.05).map(\.frequency))
        #expect(abs(pitch - 700) < 10, "\(pitch) Hz")
    }

    @Test("check passes on working devices, by both policies and all together")
    func check() async throws {
        let result = try await reprise(["check"] + Self.loopback + ["--camera", "/dev/video0", "--cycles", "3"])
        #expect(result.status == 0, "\(result.output)\(result.errors)")
    }

    @Test("check fails on a microphone that never delivers, and says so")
    func checkFails() async throws {
        let result = try await reprise("check", "--microphone", "hw:CARD=Dead,DEV=0", "--cycles", "1")
        #expect(result.status != 0)
        #expect((result.output + result.errors).contains("Dead"), "\(result.output)\(result.errors)")
    }

    @Test(
        "what is no device is a clear error on standard error: an unknown one names the known ones",
        arguments: [
            (["--microphone", "hw:CARD=Nowhere,DEV=0", "--no-camera", "--no-speaker"], "Loopback"),
            (["--camera", "/etc/passwd", "--no-microphone", "--no-speaker"], "is a file, not a camera"),
            (["--camera", "/dev/video1", "--no-microphone", "--no-speaker"], "captures no pictures"),
        ])
    func badDevice(arguments: [String], told: String) async throws {
        let result = try await reprise(["mirror", "--duration", "2"] + arguments)
        #expect(result.status != 0)
        #expect(result.output.isEmpty)
        #expect(result.errors.contains(told), "\(result.errors)")
    }

    private func reprise(_ arguments: String...) async throws -> ProgramResult { try await reprise(arguments) }

    private func reprise(_ arguments: [String]) async throws -> ProgramResult {
        try await RunningProgram(DeviceLab.command, arguments).end()
    }
}
