import Foundation
import Testing

@Suite("reprise join", .serialized)
struct JoinCommandTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("join-\(UUID().uuidString)").path

    @Test("--json tells of the others, of the way to them, and when their first packet, sound and picture came")
    func json() async throws {
        let run = try await Reprise.run(
            "join", "kitchen", "--synthetic", "--user", "ada", "--size", "320x180", "--cycles", "2", "--duration",
            "0.8",
            "--pause", "0.05", "--record", folder, "--json")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(run.status == 0, "\(run.errors)")
        let sessions = try run.objects()
        #expect(sessions.count == 2)
        for (index, session) in sessions.enumerated() {
            let rtp = try #require(session["firstRtpMs"] as? Double)
            #expect(rtp > 0 && session["firstSoundMs"] as? Double ?? 0 >= rtp)
            #expect(session["firstPictureMs"] as? Double ?? 0 > 0)
            #expect(session["reconnections"] as? Int == 0)
            let participants = try #require(session["participants"] as? [[String: Any]])
            let audio = try #require(participants.first?["audio"] as? [String: Any])
            #expect(audio["packets"] as? Int ?? 0 > 10)
            for key in ["lost", "jitterMs", "concealed", "levelDBov"] { #expect(audio[key] != nil) }
            let video = try #require(participants.first?["video"] as? [String: Any])
            #expect(video["framesDecoded"] as? Int ?? 0 > 3)
            let number = index + 1
            for name in [
                "session-\(number).wav", "session-\(number).jpg", "session-\(number)-Echo.wav",
                "session-\(number)-Echo.jpg",
            ] {
                #expect(FileManager.default.fileExists(atPath: "\(folder)/\(name)"))
            }
            #expect(session["end"] is NSNull && session["slowLinks"] is [String: Any])
        }
    }

    @Test("without --json it ends with a table of the others")
    func plain() async throws {
        let run = try await Reprise.run("join", "kitchen", "--synthetic", "--no-camera", "--duration", "0.6")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains("Echo  audio"))
        #expect(run.output.contains("first from others: RTP"))
    }

    @Test(
        "what cannot be is refused, with what could be",
        arguments: [
            (["--service", "skype:x"], "there is no service 'skype'"),
            (["--service", "janus:http://x"], "ws:// or wss://"),
            (["--service", "janus:ws://"], "ws:// or wss://"),
            (["--service", "whip:ws://x"], "http:// or https://"),
            (["--service", "in-process:x"], "has no address"),
            (["--ice-server", "http://x"], "no STUN or TURN URI"),
            (["--ice-server", "turn:x"], "needs a user name"),
            (["--ice-relay-only"], "needs a TURN server"),
            (["--cycles", "0"], "--cycles 0"),
            (["--pin", "1234"], "rooms of Janus"),
            (["--service", "janus:ws://x", "--ca", "ca.pem"], "janus:wss:"),
        ])
    func refused(options: [String], reason: String) async throws {
        let run = try await RunningCommand(["join", "kitchen", "--synthetic"] + options).end()
        #expect(run.status != 0 && run.errors.contains(reason), "\(run.errors)")
    }

    @Test("a folder that cannot be made is told")
    func noFolder() async throws {
        let run = try await Reprise.run("join", "kitchen", "--synthetic", "--record", "/dev/null/heard")
        #expect(run.status == 1 && run.errors.contains("/dev/null/heard"))
    }
}
