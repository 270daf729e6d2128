import ArgumentParser
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

    @Option(help: ArgumentHelp("What the room asks for (Janus).", valueName: "pin"))
    var pin: String?

    @Option(
        name: .customLong("ca"),
        help: ArgumentHelp(
            "Believe the certificate authorities of this PEM file, and no others, for janus:wss:.", valueName: "file"))
    var authorities: String?

    @Option(help: ArgumentHelp("The name to join as.", valueName: "name"))
    var user = "reprise"

    @OptionGroup var ice: ICEOptions
    @OptionGroup var devices: DeviceOptions

    @OptionGroup var sessions: SessionOptions

    @Option(
        help: ArgumentHelp(
            """
            Write into this folder what is heard in each session, session-1.wav, and its last picture, session-1.jpg; \
            and of each of the others apart session-1-NAME.wav and .jpg.
            """,
            valueName: "folder"))
    var record: String?

    @Flag(help: "Show the others' pictures in a window.")
    var view = false

    func validate() throws {
        guard !room.isEmpty else { throw ValidationError("The room has no name.") }
        let choice: ServiceChoice
        do { choice = try ServiceChoice(service) } catch { throw ValidationError(error.description) }
        if pin != nil, choice.kind != .janus { throw ValidationError("--pin is for rooms of Janus.") }
        if authorities != nil, !choice.url.hasPrefix("wss:") { throw ValidationError("--ca is for janus:wss://….") }
    }

    func run() async throws {
        let place = try place()
        if let record { try Files.makeFolder(record) }
        let chosen = try await ChosenDevices.choose(devices).only(ServiceChoice(service).kind.devices)
        let display = SessionDisplay(json: sessions.json)
        var plan = sessions.plan(isWatched: display.isWatched || view)
        plan.recording = record.map { .folder($0) }
        plan.tellsOthers = true
        plan.fallsBack = true
        let held = try CallSessions(plan, place, chosen, display)
        let (view, room) = (view, room)
        try await interruptible {
            let window = view ? try await PictureWindow(held.call, title: "\(room) – reprise") : nil
            let result: Result<Void, any Error>
            do { result = .success(try await held.run()) } catch { result = .failure(error) }
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
            options.pin = pin
            if let authorities { options.tls = .authorities(file: authorities) }
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
