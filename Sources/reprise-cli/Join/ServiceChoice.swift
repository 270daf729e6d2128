import Reprise

/// The service of `--service` as a person types it: a scheme of ours, then the service's own URL.
struct ServiceChoice: Sendable, Equatable {
    enum Kind: String, Sendable, CaseIterable {
        case inProcess = "in-process"
        case janus, whip, whep

        /// The devices that it has a use for: WHIP only takes, WHEP only gives.
        var devices: [DeviceKind] {
            switch self {
            case .inProcess, .janus: DeviceKind.allCases
            case .whip: [.microphone, .camera]
            case .whep: [.speaker]
            }
        }
    }

    let kind: Kind
    /// Empty for the room of this process.
    let url: String

    static let inProcess = ServiceChoice(kind: .inProcess, url: "")

    private init(kind: Kind, url: String) {
        self.kind = kind
        self.url = url
    }

    /// - Throws: `CommandError` for a scheme that there is not, or a URL that the service cannot have.
    init(_ text: String) throws(CommandError) {
        let scheme = String(text.prefix { $0 != ":" })
        guard let kind = Kind(rawValue: scheme) else {
            throw CommandError("--service \(text): there is no service '\(scheme)'.", advice: Self.advice)
        }
        url = String(text.dropFirst(scheme.count + 1))
        self.kind = kind
        let schemes: [String] =
            switch kind {
            case .inProcess: []
            case .janus: ["ws", "wss"]
            case .whip, .whep: ["http", "https"]
            }
        guard kind != .inProcess else {
            guard text == scheme else {
                throw CommandError("--service \(text): the room of this process has no address.", advice: Self.advice)
            }
            return
        }
        let isKnown = schemes.contains { url.hasPrefix("\($0)://") && url.count > $0.count + 3 }
        guard isKnown else {
            let wanted = schemes.map { "\($0)://" }.joined(separator: " or ")
            throw CommandError(
                "--service \(text): \(kind.rawValue): is followed by a URL with \(wanted).", advice: Self.advice)
        }
    }

    static let advice = """
        Give one of in-process, janus:ws://HOST:8188, janus:wss://HOST:8989, whip:https://HOST/PATH, \
        whep:https://HOST/PATH
        """
}
