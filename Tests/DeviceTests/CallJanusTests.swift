import Foundation
import Testing

/// Calls between two `reprise join` through a Janus server, all in the lab: one side with the loopback card and vivid, the
/// other without hardware. Each side leaves and rejoins five times while the other stays.
@Suite("A call through Janus on real drivers", .enabled(if: DeviceLab.isHere), .serialized)
struct CallJanusTests {
    private static let rejoins = 5
    /// Of the synthetic microphone.
    private static let otherTone = 440.0
    private static let ownTone = 700.0

    /// A line of `join --json`, as far as these tests read it.
    private struct Session: Decodable {
        struct Sound: Decodable {
            var packets: Int
            var levelDBov: Double
        }
        struct Picture: Decodable {
            var framesDecoded: Int
        }
        struct Participant: Decodable {
            var name: String
            var audio: Sound?
            var video: Picture?
        }
        var session: Int
        var sessionID: String
        var firstSoundMs: Double?
        var firstPictureMs: Double?
        var participants: [Participant]
        var afterLeave: [String: String?]
        var errors: [String]
    }

    @Test(
        "the side with the devices rejoins five times: its tone and vivid's picture arrive, and the other's are played")
    func devicesRejoin() async throws {
        let janus = try await LabJanus.start()
        let tone = try await Self.startTone()
        let heard = "\(DeviceLab.shared)/janus-stays"
        let stays = try Self.join(janus, "stays", Self.synthetic, "--duration", "600", "--record", heard)
        let played = "\(DeviceLab.shared)/janus-played.wav"
        let recorder = try RunningProgram(
            "arecord", ["-q", "-D", "hw:Loopback,1,1", "-f", "S16_LE", "-r", "48000", "-c", "2", played])
        try await Self.isThere(stays)
        let sessions = try await Self.sessions(
            of: try Self.join(janus, "comes", Self.devices, "--cycles", "\(Self.rejoins)", "--duration", "5", "--json")
                .end())
        kill(stays.id, SIGINT)
        let other = try await stays.end()
        for program in [recorder, tone] { try await program.stop() }
        try await janus.stop()

        #expect(other.status == 0, "\(other.errors)")
        Self.expectOther("stays", in: sessions)
        for session in sessions { #expect(session.afterLeave.values.allSatisfy { $0 == "notSelected" }) }
        // What the speaker's end of the loopback card played.
        let shares = try Recording(played).windows(seconds: 0.05).filter { $0.level > -20 }.map {
            $0.purity(at: Self.otherTone)
        }
        #expect(shares.count > 100 && median(shares) > 0.5, "\(shares.count) windows, \(median(shares)) of the power")
        // What the other side got, by stay.
        for stay in 1...Self.rejoins {
            let path = "\(heard)/session-1-comes\(stay == 1 ? "" : "-\(stay)")"
            let voice = try Recording("\(path).wav").lastSound(seconds: 1)
            let pitch = median(voice.windows(seconds: 0.05).map(\.frequency))
            #expect(abs(pitch - Self.ownTone) < 10, "stay \(stay): \(pitch) Hz")
            #expect(try sizeOfJPEG("\(path).jpg") == [320, 180], "stay \(stay)")
        }
    }

    @Test("the other side rejoins five times: each time it gets the tone and vivid's picture, of devices that run on")
    func otherRejoins() async throws {
        let janus = try await LabJanus.start()
        let tone = try await Self.startTone()
        let heard = "\(DeviceLab.shared)/janus-comes"
        let stays = try Self.join(janus, "stays", Self.devices, "--duration", "600")
        try await Self.isThere(stays)
        let sessions = try await Self.sessions(
            of: try Self.join(
                janus, "comes", Self.synthetic, "--cycles", "\(Self.rejoins)", "--duration", "5", "--record", heard,
                "--json"
            ).end())
        kill(stays.id, SIGINT)
        let other = try await stays.end()
        try await tone.stop()
        try await janus.stop()

        #expect(other.status == 0 && other.output.contains("1 session"), "\(other.output)\(other.errors)")
        Self.expectOther("stays", in: sessions)
        for session in 1...Self.rejoins {
            let voice = try Recording("\(heard)/session-\(session)-stays.wav").lastSound(seconds: 1)
            let pitch = median(voice.windows(seconds: 0.05).map(\.frequency))
            #expect(abs(pitch - Self.ownTone) < 10, "session \(session): \(pitch) Hz")
        }
    }

    // MARK: The two sides

    private static let devices =
        CallCommandTests.loopback + ["--camera", "/dev/video0", "--size", "320x180", "--rate", "15"]
    private static let synthetic = ["--synthetic", "--size", "160x120", "--rate", "10"]

    private static func startTone() async throws -> RunningProgram {
        let file = try Tone(frequency: ownTone, amplitude: 0.5).write(seconds: 600)
        return try RunningProgram("aplay", ["-q", "-D", "plughw:Loopback,1,0", file])
    }

    private static func join(
        _ janus: LabJanus, _ user: String, _ devices: [String], _ more: String...
    ) throws -> RunningProgram {
        try RunningProgram(
            DeviceLab.command,
            ["join", "1001", "--service", "janus:\(janus.url)", "--user", user] + devices + more)
    }

    /// It says how its session goes, once it is joined.
    private static func isThere(_ staying: RunningProgram) async throws {
        let isThere = await reached(within: .seconds(60)) { staying.output.contains("session 1  ") }
        try #require(isThere, "\(staying.output)")
    }

    private static func sessions(of result: ProgramResult) throws -> [Session] {
        #expect(result.status == 0, "\(result.errors)")
        return try result.output.split(separator: "\n").map {
            try JSONDecoder().decode(Session.self, from: Data($0.utf8))
        }
    }

    private static func expectOther(_ name: String, in sessions: [Session]) {
        #expect(sessions.map(\.session) == Array(1...rejoins))
        #expect(Set(sessions.map(\.sessionID)).count == rejoins)
        for session in sessions {
            let other = session.participants.first { $0.name == name }
            #expect((other?.audio?.packets ?? 0) > 50, "\(session)")
            #expect((other?.audio?.levelDBov ?? -127) > -40, "\(session)")
            #expect((other?.video?.framesDecoded ?? 0) > 5, "\(session)")
            #expect((session.firstSoundMs ?? -1) > 0 && (session.firstPictureMs ?? -1) > 0, "\(session)")
            #expect(session.errors.isEmpty, "\(session.errors)")
        }
    }
}

/// A Janus server in the lab, with the configuration of the interop suites.
private struct LabJanus {
    let url: String
    private let program: RunningProgram

    static func start() async throws -> LabJanus {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let program = try RunningProgram("\(tests.path)/Interop/serve-janus", [DeviceLab.shared])
        let isUp = await reached(within: .seconds(60)) { program.output.hasSuffix("\n") }
        let url = program.output.trimmingCharacters(in: .newlines)
        if !isUp { Issue.record("Janus did not start: \(try await program.stop().errors)") }
        return LabJanus(url: url, program: program)
    }

    func stop() async throws { try await program.stop(SIGTERM) }
}

/// The width and height that a JPEG file tells of (its SOF0 marker); nil where it has none.
private func sizeOfJPEG(_ path: String) throws -> [Int]? {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    guard let start = bytes.indices.dropLast(8).first(where: { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 }) else {
        return nil
    }
    return [7, 5].map { Int(bytes[start + $0]) << 8 | Int(bytes[start + $0 + 1]) }
}
