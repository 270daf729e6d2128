import ArgumentParser
import Reprise

/// How a path to the service is found.
struct ICEOptions: ParsableArguments {
    @Option(
        name: .customLong("ice-server"),
        help: ArgumentHelp(
            "A STUN or TURN server: stun:HOST, turn:HOST[?transport=tcp], turns:HOST. May be given again.",
            valueName: "url"))
    var servers: [String] = []

    @Option(
        name: [.customLong("ice-user"), .customLong("ice-username")],
        help: ArgumentHelp("The user name for the TURN servers.", valueName: "name"))
    var user: String?

    @Option(
        name: [.customLong("ice-password"), .customLong("ice-credential")],
        help: ArgumentHelp("The password for the TURN servers.", valueName: "password"))
    var password: String?

    @Flag(
        name: .customLong("ice-relay-only"),
        help: "Use relayed paths only: the other side does not learn our addresses.")
    var relayOnly = false

    func validate() throws {
        _ = try parsedServers
        if relayOnly, !servers.contains(where: { $0.hasPrefix("turn") }) {
            throw ValidationError("--ice-relay-only needs a TURN server: give one with --ice-server turn:HOST.")
        }
    }

    var policy: ICEPolicy { relayOnly ? .relay : .all }

    var parsedServers: [ICEServer] {
        get throws {
            try servers.map { url in
                do {
                    return try ICEServer(urls: [url], username: user ?? "", credential: password ?? "")
                } catch {
                    throw ValidationError("--ice-server \(url): \(error)")
                }
            }
        }
    }
}
