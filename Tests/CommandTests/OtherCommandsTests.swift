import Foundation
import Testing

@Suite("reprise devices, doctor, check and bench", .serialized)
struct OtherCommandsTests {
    @Test("devices lists all kinds, as a table and as JSON")
    func devices() async throws {
        let table = try await Reprise.run("devices", "--synthetic")
        #expect(table.status == 0)
        for id in [
            "* synthetic:microphone", "* synthetic:speaker", "* synthetic:camera-front", "  synthetic:camera-back",
        ] {
            #expect(table.output.contains(id))
        }
        let list = try #require(try await Reprise.run("devices", "--synthetic", "--json").objects().first)
        #expect(list.keys.sorted() == ["cameras", "microphones", "speakers"])
        let cameras = try #require(list["cameras"] as? [[String: Any]])
        #expect(cameras.compactMap { $0["id"] as? String } == ["synthetic:camera-front", "synthetic:camera-back"])
        for key in ["name", "kind", "formats", "default", "busy", "heldBy"] { #expect(cameras[0][key] != nil) }
        #expect((cameras[0]["formats"] as? [String])?.contains("YU12 1280x720 at 30/15/10/5") == true)
    }

    @Test("devices of this machine are listed whatever there is")
    func ownDevices() async throws {
        let run = try await Reprise.run("devices", "--json")
        #expect(run.status == 0, "\(run.errors)")
        #expect(try run.objects().count == 1)
    }

    @Test("the doctor's exit status is its verdict, and every finding but the good ones says what to do")
    func doctor() async throws {
        let run = try await Reprise.run("doctor", "--json")
        let report = try #require(try run.objects().first)
        #expect(run.status == (report["callWorks"] as? Bool == true ? 0 : 1))
        let findings = try #require(report["findings"] as? [[String: Any]])
        #expect(findings.contains { $0["level"] as? String == "failure" } == (run.status == 1))
        let text = try await Reprise.run("doctor")
        #expect(text.status == run.status)
        #expect(text.output.contains("A call would"))
    }

    @Test("check passes with synthetic devices: each alone and all together, by both policies")
    func check() async throws {
        let run = try await Reprise.run("check", "--synthetic", "--cycles", "2", "--json")
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        let report = try #require(try run.objects().first)
        #expect(report["passed"] as? Bool == true)
        let results = try #require(report["results"] as? [[String: Any]])
        #expect(results.count == 8)
        #expect(
            results.compactMap { $0["standby"] as? String }
                == Array(repeating: ["release", "warm"], count: 4).flatMap { $0 })
        #expect(results.allSatisfy { $0["cyclesPassed"] as? Int == 2 })
        #expect(
            results.compactMap { $0["handle"] as? String }
                == Array(repeating: ["closed while left", "kept while left"], count: 4).flatMap { $0 })
    }

    @Test("bench restart measures every figure of both policies, and plots them")
    func bench() async throws {
        let plot = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).svg")
        defer { try? FileManager.default.removeItem(at: plot) }
        let run = try await Reprise.run(
            "bench", "restart", "--synthetic", "--cycles", "2", "--json", "--plot", plot.path)
        #expect(run.status == 0, "\(run.errors)")
        let report = try #require(try run.objects().first)
        #expect(report["stale"] as? Int == 0)
        let rows = try #require(report["rows"] as? [[String: Any]])
        let metrics = ["firstBlock", "firstPacket", "firstFrame", "firstSound", "join", "leave"]
        #expect(rows.compactMap { $0["metric"] as? String } == metrics + metrics)
        for row in rows {
            #expect(row["count"] as? Int == 2)
            for key in ["p50Ms", "p95Ms", "maxMs"] { #expect((row[key] as? Double ?? 0) > 0) }
        }
        let picture = try String(contentsOf: plot, encoding: .utf8)
        #expect(picture.hasPrefix("<svg "))
        #expect(picture.contains("own sound heard back"))
    }

    @Test("bench room measures the way and the first RTP and sound of another, with pictures and without")
    func benchRoom() async throws {
        let run = try await Reprise.run("bench", "room", "--cycles", "2", "--json")
        #expect(run.status == 0, "\(run.errors)")
        let rows = try #require(try run.objects().first?["rows"] as? [[String: Any]])
        let metrics = ["described", "connected", "firstRTP", "firstSound"]
        #expect(rows.compactMap { $0["metric"] as? String } == metrics + metrics)
        #expect(Set(rows.compactMap { $0["sent"] as? String }) == ["sound", "soundAndPictures"])
        for row in rows {
            #expect(row["count"] as? Int == 2)
            for key in ["p50Ms", "p95Ms", "maxMs"] { #expect((row[key] as? Double ?? 0) > 0) }
        }
    }

    @Test("a plot that cannot be written is told before the work")
    func unwritablePlot() async throws {
        let run = try await Reprise.run("bench", "restart", "--synthetic", "--plot", "/nowhere/plot.svg")
        #expect(run.status == 1)
        #expect(run.errors.contains("open(/nowhere/plot.svg): No such file or directory"))
    }

    @Test("the doctor sees the limits and the missing priority of the process that it runs in")
    func limits() async throws {
        let run = try await RunningCommand(
            ["doctor", "--json"],
            prefix: "ulimit -n 64; ulimit -r 0; drop=; "
                + "((EUID)) || drop='setpriv --inh-caps -sys_nice --bounding-set -sys_nice'; exec $drop ",
            environment: ["DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere/bus"]
        ).end()
        let findings = try #require(try run.objects().first?["findings"] as? [[String: Any]])
        func text(_ subject: String) -> String? {
            findings.first { $0["subject"] as? String == subject }?["text"] as? String
        }
        #expect(text("open files")?.hasPrefix("64 at most") == true)
        #expect(text("real time")?.contains("by rtkit (no system bus") == true, "\(findings)")
    }

    @Test("Ctrl-C ends a check with status 130")
    func interruptedCheck() async throws {
        let command = try Reprise.start("check", "--synthetic", "--cycles", "100000")
        while !command.errors.contains("cycles") { try await Task.sleep(for: .milliseconds(20)) }
        command.signal(SIGINT)
        let run = try await command.end()
        #expect(run.status == 130, "\(run.errors)")
        #expect(run.output.contains("Interrupted"))
    }
}
