import Reprise

/// The devices that a subcommand runs, found before any call is joined.
struct ChosenDevices: Sendable {
    let machine: Machine
    /// What runs: nil where the call's own routing chooses, no entry where there is none or none is wanted.
    private(set) var named: [DeviceKind: DeviceID?]
    /// The kinds that were wanted and are not there, with the reason where one is known.
    private(set) var missing: [(kind: DeviceKind, reason: DeviceError?)]

    func uses(_ kind: DeviceKind) -> Bool { named[kind] != nil }

    /// The device of a kind, where it was named or ``pinned()``.
    func id(_ kind: DeviceKind) -> DeviceID? { named[kind] ?? nil }

    /// These devices with the choice made now, once for all joins: the first in the routing's order that can be used.
    func pinned() async throws -> ChosenDevices {
        let client = Client(
            user: User(id: "routing"), service: InProcessService(transport: .memory), devices: machine.devices)
        let call = client.call(id: "routing")
        var pinned = self
        for kind in kinds where id(kind) == nil {
            for candidate in try await call.manager(kind).devices()
            where await machine.trouble(with: candidate, kind) == nil {
                pinned.named[kind] = .some(candidate)
                break
            }
        }
        return pinned
    }

    /// Some of these devices.
    func only(_ kinds: [DeviceKind]) -> ChosenDevices {
        var chosen = self
        chosen.named = named.filter { kinds.contains($0.key) }
        return chosen
    }

    /// The kinds that run.
    var kinds: [DeviceKind] { DeviceKind.allCases.filter(uses) }

    /// - Throws: what resolving a named device gives.
    init(_ options: DeviceOptions, on machine: Machine) async throws {
        self.machine = machine
        named = [:]
        missing = []
        for kind in DeviceKind.allCases {
            switch options.wish(kind) {
            case .none: break
            case .named(let id): named[kind] = .some(try await machine.resolve(id, kind))
            case .any:
                switch await machine.presence(of: kind) {
                case .present: named[kind] = .some(nil)
                case .missing(let reason): missing.append((kind, reason))
                }
            }
        }
    }

    /// The devices of this machine, or synthetic ones where that was asked for.
    /// - `fallsBack`: whether a machine with neither gets synthetic ones by itself.
    /// - Throws: `CommandError` where there is nothing to run.
    static func choose(_ options: DeviceOptions, fallsBack: Bool = false) async throws -> ChosenDevices {
        if options.synthetic { return try await ChosenDevices(options, on: .withoutHardware) }
        let chosen = try await ChosenDevices(options, on: .real)
        guard chosen.kinds.isEmpty else {
            for (kind, reason) in chosen.missing {
                note("No \(kind) can be used here, going on without one" + (reason.map { ": \($0)" } ?? "."))
            }
            return chosen
        }
        guard fallsBack else {
            let kinds = chosen.missing.map(\.kind.rawValue).joined(separator: ", no ")
            let reasons = Set(chosen.missing.compactMap { $0.reason.map { " \($0)." } }).sorted().joined()
            throw CommandError(
                "There is no \(kinds) on this machine that can be used.\(reasons)",
                advice: "Connect one (`reprise doctor` says what may hide it), or use --synthetic, which needs none")
        }
        note(
            """
            *** This machine has no sound card and no camera: the devices are SYNTHETIC. ***
            *** A tone stands for the microphone, a moving test picture for the camera;   ***
            *** nothing is heard. Connect devices and run it again for the real thing.    ***
            """)
        return try await ChosenDevices(options, on: .withoutHardware)
    }

    /// A configuration that takes these devices.
    /// - `fallsBack`: whether others are taken where one of these goes; otherwise it is these that are looked at.
    func configuration(_ standby: StandbyPolicy, fallsBack: Bool = false) -> CallConfiguration {
        var configuration = CallConfiguration()
        configuration.routing.fallsBack = fallsBack
        configuration.routing.returns = fallsBack
        configuration.standby = standby
        // A leave that takes long is to be seen for what it takes.
        configuration.cleanupTimeout = .seconds(60)
        configuration.preferredMicrophone = id(.microphone)
        configuration.preferredSpeaker = id(.speaker)
        configuration.preferredCamera = id(.camera)
        return configuration
    }

    /// Settings by which a call starts these devices and no others.
    func settings(_ camera: VideoResolution? = nil) -> CallSettings {
        var settings = CallSettings(
            microphoneOn: uses(.microphone), speakerOn: uses(.speaker), cameraOn: uses(.camera))
        if let camera { settings.camera = camera }
        return settings
    }
}
