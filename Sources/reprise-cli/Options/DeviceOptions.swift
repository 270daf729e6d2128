import ArgumentParser
import Reprise

/// Which devices to use.
struct DeviceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The microphone: an id of `reprise devices`, or any ALSA PCM.", valueName: "id|pcm"))
    var microphone: String?

    @Option(help: ArgumentHelp("The speaker: an id of `reprise devices`, or any ALSA PCM.", valueName: "id|pcm"))
    var speaker: String?

    @Option(help: ArgumentHelp("The camera: an id of `reprise devices`, or its node.", valueName: "id|/dev/videoN"))
    var camera: String?

    @Flag(name: .customLong("no-microphone"), help: "Use no microphone.")
    var noMicrophone = false

    @Flag(name: .customLong("no-speaker"), help: "Use no speaker.")
    var noSpeaker = false

    @Flag(name: .customLong("no-camera"), help: "Use no camera.")
    var noCamera = false

    @Flag(help: "Use no hardware: a tone for a microphone, a moving test picture for a camera.")
    var synthetic = false

    func validate() throws {
        for (name, id, isOff) in [
            ("microphone", microphone, noMicrophone), ("speaker", speaker, noSpeaker), ("camera", camera, noCamera),
        ] {
            if id != nil && isOff {
                throw ValidationError("--\(name) and --no-\(name) were both given: choose one.")
            }
            if id?.isEmpty == true {
                throw ValidationError("--\(name) '' names no device. `reprise devices` lists them.")
            }
        }
        if noMicrophone && noSpeaker && noCamera {
            throw ValidationError("--no-microphone, --no-speaker and --no-camera together leave nothing to do.")
        }
    }

    /// What was asked for of a kind.
    func wish(_ kind: DeviceKind) -> DeviceWish {
        let (id, isOff) =
            switch kind {
            case .microphone: (microphone, noMicrophone)
            case .speaker: (speaker, noSpeaker)
            case .camera: (camera, noCamera)
            }
        return isOff ? .none : id.map { .named(DeviceID($0)) } ?? .any
    }
}

/// The devices that a call has here.
enum DeviceKind: String, Sendable, CaseIterable {
    case microphone, speaker, camera
}

/// What a person said of one kind of device.
enum DeviceWish: Sendable, Equatable {
    case none
    case any
    case named(DeviceID)
}

/// What a left call keeps, as a person types it.
enum Standby: String, Sendable, CaseIterable, ExpressibleByArgument {
    case release, warm

    var policy: StandbyPolicy {
        switch self {
        case .release: .release
        case .warm: .warm
        }
    }
}
