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

    @OptionGroup var sessions: SessionOptions

    @Option(help: ArgumentHelp("The speaker's volume: 0 to 100.", valueName: "percent"))
    var volume: Int?

    @Option(help: ArgumentHelp("The Opus bitrate: 6000 to 510000 bits a second.", valueName: "bit/s"))
    var bitrate = 32_000

    @Option(help: ArgumentHelp("Write the sound that came back.", valueName: "file.wav"))
    var record: String?

    @Flag(
        help: """
            Take another device where one goes and take it again when it returns, and tell what happens to the devices \
            as it happens.
            """)
    var watch = false

    @Flag(name: .customLong("synthetic-if-none"), help: .hidden)
    var syntheticIfNone = false

    func validate() throws {
        guard volume.map((0...100).contains) ?? true else {
            throw ValidationError("--volume \(volume ?? 0): a volume is a number from 0 to 100.")
        }
        do { try opus.validate() } catch { throw ValidationError("--bitrate \(bitrate): \(error.advice ?? "")") }
        if let record, !record.lowercased().hasSuffix(".wav"), !record.hasPrefix("/dev/") {
            throw ValidationError("--record \(record): the recording is a WAV file, give a file that ends in .wav.")
        }
        if sessions.snapshot != nil, devices.noCamera {
            throw ValidationError("--snapshot needs the camera: take --no-camera away.")
        }
    }

    private var opus: OpusSettings {
        var opus = OpusSettings()
        opus.bitrate = bitrate
        return opus
    }

    func run() async throws {
        let chosen = try await ChosenDevices.choose(devices, fallsBack: syntheticIfNone)
        let display = SessionDisplay(json: sessions.json)
        var plan = sessions.plan(isWatched: display.isWatched)
        plan.volume = volume
        plan.opus = opus
        plan.recording = record.map { .file($0) }
        plan.follows = watch
        plan.fallsBack = watch
        let place = CallSessions.Place.echo("mirror", user: User(id: "mirror"), isOwn: true, transport: .memory)
        let mirror = try CallSessions(plan, place, chosen, display)
        try await interruptible { try await mirror.run() }
    }
}
