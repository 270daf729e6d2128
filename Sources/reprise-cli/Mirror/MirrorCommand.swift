import ArgumentParser
import Codecs
import Reprise

/// `reprise mirror`.
struct MirrorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mirror",
        abstract: "Hear and see yourself through a real call, and leave and rejoin it.",
        discussion: """
            Joins a room of this process whose other participant sends back what it gets: your microphone is encoded, \
            sent as RTP, received, decoded and played. Use headphones, or the speaker feeds the microphone.

            Times count from the call to join(). `first` is when the first captured sound or picture was in hand, and \
            for the speaker when the first sound that came back left it.

            EXAMPLES:
              reprise mirror
              reprise mirror --cycles 5 --duration 3 --pause 1 --standby warm
              reprise mirror --microphone hw:CARD=USB,DEV=0 --speaker default --no-camera
              reprise mirror --camera /dev/video2 --size 1920x1080 --snapshot me.jpg
              reprise mirror --duration 5 --record heard.wav
              reprise mirror --synthetic --cycles 3 --duration 1 --json | jq .microphone.firstFrameMs
            """)

    @OptionGroup var devices: DeviceOptions

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

    @Option(help: "What a left call keeps of its devices: release closes them, warm keeps them configured.")
    var standby = Standby.release

    @Option(help: ArgumentHelp("The speaker's volume: 0 to 100.", valueName: "percent"))
    var volume: Int?

    @Option(help: ArgumentHelp("The picture size to aim at.", valueName: "WxH"))
    var size = PictureSize(width: 1280, height: 720)

    @Option(help: ArgumentHelp("The pictures a second to aim at.", valueName: "fps"))
    var rate = 30.0

    @Option(help: ArgumentHelp("The Opus bitrate: 6000 to 510000 bits a second.", valueName: "bit/s"))
    var bitrate = 32_000

    @Option(help: ArgumentHelp("Write the last picture that came back, as .jpg or .png.", valueName: "file"))
    var snapshot: String?

    @Option(help: ArgumentHelp("Write the sound that came back.", valueName: "file.wav"))
    var record: String?

    @Flag(help: "Print one JSON object a session, a line each.")
    var json = false

    @Flag(help: "Tell on standard error what happened when in each session.")
    var trace = false

    @Flag(
        help: """
            Take another device where one goes and take it again when it returns, and tell what happens to the devices \
            as it happens.
            """)
    var watch = false

    @Flag(name: .customLong("synthetic-if-none"), help: .hidden)
    var syntheticIfNone = false

    func validate() throws {
        guard (1...1_000_000).contains(cycles) else {
            throw ValidationError("--cycles \(cycles): give a number of sessions from 1 to 1000000.")
        }
        guard volume.map((0...100).contains) ?? true else {
            throw ValidationError("--volume \(volume ?? 0): a volume is a number from 0 to 100.")
        }
        guard rate.isFinite, (1...240).contains(rate) else {
            throw ValidationError("--rate \(rate): give 1 to 240 pictures a second.")
        }
        do { try opus.validate() } catch { throw ValidationError("--bitrate \(bitrate): \(error.advice ?? "")") }
        if let duration, duration.duration == .zero {
            throw ValidationError("--duration 0: a session lasts longer than that.")
        }
        if let record, !record.lowercased().hasSuffix(".wav"), !record.hasPrefix("/dev/") {
            throw ValidationError("--record \(record): the recording is a WAV file, give a file that ends in .wav.")
        }
        if let snapshot {
            do { try ImageFile.check(path: snapshot) } catch { throw ValidationError("--snapshot \(error)") }
            if devices.noCamera { throw ValidationError("--snapshot needs the camera: take --no-camera away.") }
        }
    }

    private var opus: OpusSettings {
        var opus = OpusSettings()
        opus.bitrate = bitrate
        return opus
    }

    func run() async throws {
        let chosen = try await ChosenDevices.choose(devices, fallsBack: syntheticIfNone)
        let display = SessionDisplay(json: json)
        let isEndless = duration == nil && cycles == 1 && display.isWatched
        let plan = CallSessions.Plan(
            cycles: cycles, duration: isEndless ? nil : duration?.duration ?? .seconds(10), pause: pause.duration,
            standby: standby.policy, volume: volume,
            camera: VideoResolution(width: size.width, height: size.height, framesPerSecond: rate),
            opus: opus, snapshot: snapshot, recording: record.map { .file($0) }, traces: trace, isJSON: json,
            follows: watch)
        let place = CallSessions.Place.echo("mirror", user: User(id: "mirror"), isOwn: true, transport: .memory)
        let mirror = try CallSessions(plan, place, chosen, display)
        try await interruptible { try await mirror.run() }
    }
}

extension PictureSize {
    init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }
}
