import ArgumentParser
import Codecs
import Reprise

/// How sessions of a call are held and told of, whatever the call is.
struct SessionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            How long a session lasts once its devices have started. Without it: until Ctrl-C on a terminal, 10 s \
            elsewhere or with --cycles.
            """,
            valueName: "seconds"))
    var duration: Seconds?

    @Option(help: ArgumentHelp("How many sessions to hold, leaving and rejoining in between.", valueName: "n"))
    var cycles = 1

    @Option(help: ArgumentHelp("How long to stay out between two sessions.", valueName: "seconds"))
    var pause = Seconds(.seconds(1))

    @Option(
        help: """
            What a left call keeps: release closes the devices, warm keeps them configured, and in a Janus room the way \
            that the others' tracks come by.
            """)
    var standby = Standby.release

    @Option(help: ArgumentHelp("The picture size to aim at.", valueName: "WxH"))
    var size = PictureSize(width: 1280, height: 720)

    @Option(help: ArgumentHelp("The pictures a second to aim at.", valueName: "fps"))
    var rate = 30.0

    @Option(help: ArgumentHelp("Write the last picture of somebody else, as .jpg or .png.", valueName: "file"))
    var snapshot: String?

    @Flag(help: "Print one JSON object a session, a line each.")
    var json = false

    @Flag(help: "Tell on standard error what happened when in each session.")
    var trace = false

    func validate() throws {
        guard (1...1_000_000).contains(cycles) else {
            throw ValidationError("--cycles \(cycles): give a number of sessions from 1 to 1000000.")
        }
        guard rate.isFinite, (1...240).contains(rate) else {
            throw ValidationError("--rate \(rate): give 1 to 240 pictures a second.")
        }
        if let duration, duration.duration == .zero {
            throw ValidationError("--duration 0: a session lasts longer than that.")
        }
        if let snapshot {
            do { try ImageFile.check(path: snapshot) } catch { throw ValidationError("--snapshot \(error)") }
        }
    }

    /// The sessions that were asked for.
    /// - `isWatched`: whether somebody is there to end a session that has no length.
    func plan(isWatched: Bool) -> CallSessions.Plan {
        let isEndless = duration == nil && cycles == 1 && isWatched
        return CallSessions.Plan(
            cycles: cycles, duration: isEndless ? nil : duration?.duration ?? .seconds(10), pause: pause.duration,
            standby: standby.policy,
            camera: VideoResolution(width: size.width, height: size.height, framesPerSecond: rate),
            snapshot: snapshot, traces: trace, isJSON: json)
    }
}

extension PictureSize {
    init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }
}
