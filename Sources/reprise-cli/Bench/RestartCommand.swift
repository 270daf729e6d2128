import ArgumentParser
import Reprise

/// `reprise bench restart`.
struct RestartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract: "Measure how fast a left call has its devices back, beside what the hardware takes.",
        discussion: """
            Joins and leaves an echo room again and again and measures leave(), and from the call to join() to the first \
            captured block, the first encoded packet, the first picture, and the first received sound leaving the \
            speaker. The floor is measured in the same run with bare ALSA and V4L2 calls on the same device: open, \
            configure, start, first period. The first join of each policy starts cold and is not counted.

            EXAMPLES:
              reprise bench restart
              reprise bench restart --microphone hw:CARD=USB,DEV=0 --no-camera --cycles 200
              reprise bench restart --standby warm --json --plot restart.svg
            """)

    @OptionGroup var devices: DeviceOptions

    @Option(help: ArgumentHelp("How many restarts to measure for each policy.", valueName: "n"))
    var cycles = 50

    @Option(help: "Measure one policy only: release or warm (default: both).")
    var standby: Standby?

    @Option(help: ArgumentHelp("The picture size to aim at.", valueName: "WxH"))
    var size = PictureSize(width: 1280, height: 720)

    @Flag(help: "Print one JSON object.")
    var json = false

    @Option(help: ArgumentHelp("Write a plot of the figures.", valueName: "file.svg"))
    var plot: String?

    func validate() throws {
        guard (1...100_000).contains(cycles) else {
            throw ValidationError("--cycles \(cycles): give a number of restarts from 1 to 100000.")
        }
        if let plot, !plot.lowercased().hasSuffix(".svg") {
            throw ValidationError("--plot \(plot): the plot is an SVG picture, give a file that ends in .svg.")
        }
    }

    func run() async throws {
        let chosen = try await ChosenDevices.choose(devices).pinned()
        // Before minutes of work, not after.
        let file = try plot.map { try PlotFile($0) }
        let policies = standby.map { [$0.policy] } ?? StandbyPolicy.allCases
        let camera = VideoResolution(width: size.width, height: size.height, framesPerSecond: 30)
        let (cycles, progress) = (cycles, Progress())
        let report = try await interruptible {
            defer { progress.close() }
            return try await RestartReport.measure(chosen, policies, camera, cycles: cycles, progress)
        }
        if json {
            try Output.standard.line(report.json.text)
        } else {
            for line in report.lines { try Output.standard.line(line) }
        }
        try file?.write(RestartPlot(report).svg)
        if report.isInterrupted { throw ExitCode(130) }
    }
}
