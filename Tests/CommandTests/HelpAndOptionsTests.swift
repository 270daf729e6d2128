import Testing

@Suite("The command's help and options")
struct HelpAndOptionsTests {
    @Test(
        "every subcommand says what it does, with examples",
        arguments: [["mirror"], ["devices"], ["doctor"], ["check"], ["bench", "restart"]])
    func help(subcommand: [String]) async throws {
        let run = try await RunningCommand(subcommand + ["--help"]).end()
        #expect(run.status == 0)
        #expect(run.output.contains("EXAMPLES:"))
        #expect(run.output.contains("reprise \(subcommand.joined(separator: " "))"))
        #expect(run.errors.isEmpty)
    }

    @Test("without a subcommand it lists them")
    func overview() async throws {
        let run = try await Reprise.run("--help")
        #expect(run.status == 0)
        for name in ["mirror", "devices", "doctor", "check", "bench"] { #expect(run.output.contains("  \(name) ")) }
    }

    @Test("a shell's completion script is given")
    func completion() async throws {
        let run = try await Reprise.run("--generate-completion-script", "bash")
        #expect(run.status == 0)
        #expect(run.output.contains("complete"))
    }

    @Test(
        "what cannot be is refused before anything is opened, on standard error, with the usage's status",
        arguments: [
            (["mirror", "--volume", "101"], "from 0 to 100"),
            (["mirror", "--volume", "-1"], "--volume"),
            (["mirror", "--cycles", "0"], "from 1"),
            (["mirror", "--duration", "-3"], "--duration"),
            (["mirror", "--duration", "nan"], "duration"),
            (["mirror", "--duration", "1e300"], "duration"),
            (["mirror", "--duration", "0"], "longer"),
            (["mirror", "--pause", "soon"], "pause"),
            (["mirror", "--rate", "0"], "pictures a second"),
            (["mirror", "--rate", "inf"], "pictures a second"),
            (["mirror", "--size", "0x0"], "size"),
            (["mirror", "--size", "99999999999999999999x2"], "size"),
            (["mirror", "--size", "1281x721"], "size"),
            (["mirror", "--bitrate", "100"], "6000"),
            (["mirror", "--standby", "cold"], "standby"),
            (["mirror", "--snapshot", "me.gif"], ".png"),
            (["mirror", "--record", "me.mp3"], ".wav"),
            (["mirror", "--microphone", "x", "--no-microphone"], "choose one"),
            (["mirror", "--camera", ""], "names no device"),
            (["mirror", "--no-microphone", "--no-speaker", "--no-camera"], "nothing to do"),
            (["check", "--cycles", "0"], "from 1"),
            (["bench", "restart", "--cycles", "-5"], "cycles"),
            (["bench", "restart", "--plot", "plot.png"], ".svg"),
            (["dance"], "dance"),
        ])
    func impossibleValues(arguments: [String], expected: String) async throws {
        let run = try await RunningCommand(arguments).end()
        #expect(run.status == 64)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains(expected), "\(run.errors)")
    }

    @Test(
        "a device that is not there is refused, naming those that are",
        arguments: ["microphone", "speaker", "camera"])
    func unknownDevice(kind: String) async throws {
        let run = try await Reprise.run("mirror", "--synthetic", "--\(kind)", "nothing-of-the-kind")
        #expect(run.status == 1)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("nothing-of-the-kind"))
        #expect(run.errors.contains("synthetic:\(kind)"))
    }

    @Test(
        "a path that is no camera is refused by what it is",
        arguments: [
            ("/etc/hostname", "is a file"), ("/tmp", "is a folder"), ("/dev/video-none", "no such file"),
            ("/dev/null", "/dev/null"),
        ])
    func noCamera(path: String, expected: String) async throws {
        let run = try await Reprise.run("mirror", "--camera", path, "--no-microphone", "--no-speaker")
        #expect(run.status == 1)
        #expect(run.errors.contains(expected), "\(run.errors)")
    }
}
