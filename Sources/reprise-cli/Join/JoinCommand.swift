import ArgumentParser
import Codecs
import Glibc
import Reprise

/// `reprise join`.
struct JoinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join",
        abstract: "Join a call with others, and leave and rejoin it.",
        discussion: """
            Sends the microphone and the camera into a room and plays what the others send. Without --service the room \
            is one of this process, whose other participant sends back what it gets.

            Times count from the call to join(): when the first RTP packet, the first sound and the first picture of \
            somebody else were there.

            EXAMPLES:
              reprise join 1234 --service janus:ws://localhost:8188
              reprise join 1234 --service janus:wss://video.example.org:8989 --user kiosk --view
              reprise join stage --service whip:https://live.example.org/whip/stage --token SECRET --no-speaker
              reprise join stage --service whep:https://live.example.org/whep/stage --no-microphone --no-camera
              reprise join 1234 --service janus:ws://localhost:8188 --cycles 5 --duration 3 --json | jq .firstSoundMs
              reprise join 1234 --service janus:ws://localhost:8188 --ice-server turn:relay.example.org \\
                --ice-user me --ice-password SECRET --ice-relay-only
            """)

    @Argument(help: ArgumentHelp("The room's name or number.", valueName: "room"))
    var room: String

    @Option(
        help: ArgumentHelp(
            "Where the room is: in-process, janus:ws://…, janus:wss://…, whip:URL or whep:URL.", valueName: "service"))
    var service: String = "in-process"

    @Option(help: ArgumentHelp("What the service asks for: a bearer token, or Janus' token.", valueName: "token"))
    var token: String?

    @Option(help: ArgumentHelp("The name to join as.", valueName: "name"))
    var user = "reprise"

    @OptionGroup var ice: ICEOptions
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

    @Option(help: ArgumentHelp("The picture size to aim at.", valueName: "WxH"))
    var size = PictureSize(width: 1280, height: 720)

    @Option(help: ArgumentHelp("The pictures a second to aim at.", valueName: "fps"))
    var rate = 30.0

    @Option(help: ArgumentHelp("Write the last picture of somebody else, as .jpg or .png.", valueName: "file"))
    var snapshot: String?

    @Option(
        help: ArgumentHelp(
            "Write what is heard in each session, and its last picture, into this folder.", valueName: "folder"))
    var record: String?

    @Flag(help: "Show the others' pictures in a window.")
    var view = false

    @Flag(help: "Print one JSON object a session, a line each.")
    var json = false

    @Flag(help: "Tell on standard error what happened when in each session.")
    var trace = false

    func validate() throws {
        guard !room.isEmpty else { throw ValidationError("The room has no name.") }
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
        do { _ = try ServiceChoice(service) } catch { throw ValidationError(error.description) }
    }

    func run() async throws {
        let place = try place()
        if let record { try Files.makeFolder(record) }
        let chosen = try await ChosenDevices.choose(devices).only(ServiceChoice(service).kind.devices)
        let display = SessionDisplay(json: json)
        let isEndless = duration == nil && cycles == 1 && (display.isWatched || view)
        let plan = CallSessions.Plan(
            cycles: cycles, duration: isEndless ? nil : duration?.duration ?? .seconds(10), pause: pause.duration,
            standby: standby.policy,
            camera: VideoResolution(width: size.width, height: size.height, framesPerSecond: rate),
            snapshot: snapshot, recording: record.map { .folder($0) }, tellsOthers: true, traces: trace, isJSON: json)
        let sessions = try CallSessions(plan, place, chosen, display)
        let (view, room) = (view, room)
        try await interruptible {
            let window = view ? try await PictureWindow(sessions.call, title: "\(room) – reprise") : nil
            let result: Result<Void, any Error>
            do { result = .success(try await sessions.run()) } catch { result = .failure(error) }
            await window?.close()
            try result.get()
        }
    }

    private func place() throws -> CallSessions.Place {
        let user = User(id: user)
        let choice = try ServiceChoice(service)
        switch choice.kind {
        case .inProcess: return .echo(room, user: user, isOwn: false)
        case .janus:
            var options = JanusOptions()
            options.token = token
            options.iceServers = try ice.parsedServers
            options.icePolicy = ice.policy
            let janus = try JanusService(url: choice.url, options: options)
            return CallSessions.Place(service: janus, type: "default", id: room, user: user, isOwn: false)
        case .whip, .whep:
            var options = WHIPOptions()
            options.token = token
            options.iceServers = try ice.parsedServers
            options.icePolicy = ice.policy
            let service: any CallService =
                choice.kind == .whip
                ? try WHIPService(url: choice.url, options: options)
                : try WHEPService(url: choice.url, options: options)
            return CallSessions.Place(service: service, type: "default", id: room, user: user, isOwn: false)
        }
    }
}
