internal import CAlsa
import Media

/// What microphones and speakers there are: the cards' PCMs, and the named ones of the configuration.
enum Catalog {
    static func devices(_ direction: AudioDirection) throws(DeviceError) -> [AudioDeviceInfo] {
        AlsaMessages.keep()
        ALSAConfiguration.forget()
        var devices = named(direction) + (try CardPCM.all()).filter { $0.direction == direction }.map(\.info)
        _ = AlsaMessages.take()
        // The configuration's `default` is what programs get that ask for nothing; without one, the first card.
        let chosen = devices.firstIndex { $0.id == "default" } ?? devices.firstIndex { $0.kind != .hdmi } ?? 0
        if !devices.isEmpty {
            var first = devices.remove(at: chosen)
            first.isDefault = true
            devices.insert(first, at: 0)
        }
        return devices
    }

    /// The device of an id or any PCM name.
    static func device(_ id: DeviceID, _ direction: AudioDirection) throws(DeviceError) -> AudioDeviceInfo {
        AlsaMessages.keep()
        // What names its card needs no look at all the others, which takes long: that is what a device that comes back is
        // found by, and how it is known at once that one is gone.
        if let card = PCMName(id.rawValue).arguments?.card {
            if unsafe snd_card_get_index(card) < 0, case let cards = cardNames, !cards.isEmpty {
                throw unknown(id, direction, known: cards)
            }
            if let pcm = CardPCM(id: id, direction) { return pcm.info }
            if let device = existing(id, direction) { return device }
        }
        let known = try devices(direction)
        if let device = known.first(where: { $0.id == id }) ?? existing(id, direction) { return device }
        throw unknown(id, direction, known: known.map(\.id.rawValue))
    }

    private static func existing(_ id: DeviceID, _ direction: AudioDirection) -> AudioDeviceInfo? {
        let name = id.rawValue
        guard exists(name, direction) else { return nil }
        return AudioDeviceInfo(id: id, name: name, direction: direction, kind: kind(ofPCM: name, direction))
    }

    private static func unknown(_ id: DeviceID, _ direction: AudioDirection, known: [String]) -> DeviceError {
        _ = AlsaMessages.take()
        return DeviceError(
            .noDevice, operation: "device(\(id))", device: id.rawValue,
            reason: "there is no such \(direction == .capture ? "microphone" : "speaker")",
            advice: known.isEmpty ? "No sound card was found" : "There are: \(known.joined(separator: ", "))")
    }

    /// The cards, as a name would begin that has them.
    private static var cardNames: [String] {
        Directory.entries("/proc/asound").filter { $0.hasPrefix("card") && Int($0.dropFirst(4)) != nil }.sorted()
            .compactMap { Directory.line("/proc/asound/\($0)/id") }.map { "hw:CARD=\($0)" }
    }

    /// Whether a name could be opened: its definition evaluates, and the card it names is there.
    private static func exists(_ name: String, _ direction: AudioDirection) -> Bool {
        guard !name.isEmpty, !name.utf8.contains(0) else { return false }
        guard !ALSAConfiguration.types(ofPCM: name, direction).isEmpty else { return false }
        return PCMName(name).arguments?.card == nil || HardwarePCM(name: name) != nil
    }

    static func kind(ofPCM name: String, _ direction: AudioDirection) -> AudioDeviceKind {
        if let kind = kind(ofTypes: ALSAConfiguration.types(ofPCM: name, direction)) { return kind }
        if let hardware = HardwarePCM(name: name), let card = Card(index: hardware.card) {
            return card.kind(pcmName: "")
        }
        return .other
    }

    /// What the types that a PCM is made of say about it; nil where it is a card's.
    static func kind(ofTypes types: [String]) -> AudioDeviceKind? {
        for type in types {
            switch type {
            case "pipewire", "pulse", "jack", "oss", "roar": return .soundServer
            case "bluealsa": return .bluetooth
            default: break
            }
        }
        return nil
    }

    /// Definitions that convert, or that are made of a card's PCMs: not devices of their own.
    private static let notDevices: Set<String> = [
        "null", "hw", "plughw", "plug", "shm", "tee", "file", "dmix", "dsnoop", "lavrate", "samplerate", "speexrate",
        "speex", "upmix", "vdownmix", "usbstream", "cards", "hdmi", "iec958", "spdif", "modem", "phoneline",
    ]

    private static func named(_ direction: AudioDirection) -> [AudioDeviceInfo] {
        var hints: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
        guard unsafe snd_device_name_hint(-1, "pcm", &hints) == 0, let hints = unsafe hints else { return [] }
        defer { _ = unsafe snd_device_name_free_hint(hints) }
        var devices: [AudioDeviceInfo] = []
        var index = 0
        while let hint = unsafe hints[index] {
            index += 1
            guard let name = unsafe text(hint, "NAME"), !name.contains(":"), !notDevices.contains(name) else {
                continue
            }
            let side = unsafe text(hint, "IOID")
            guard side == nil || side == (direction == .capture ? "Input" : "Output") else { continue }
            // A definition whose card or program is missing evaluates to nothing.
            guard !ALSAConfiguration.types(ofPCM: name, direction).isEmpty else { continue }
            let description = unsafe text(hint, "DESC")?.split(separator: "\n").joined(separator: ", ")
            devices.append(
                AudioDeviceInfo(
                    id: DeviceID(name), name: description ?? name, direction: direction,
                    kind: kind(ofPCM: name, direction)))
        }
        return devices
    }

    private static func text(_ hint: UnsafeRawPointer, _ field: String) -> String? {
        guard let value = unsafe snd_device_name_get_hint(hint, field) else { return nil }
        defer { unsafe free(value) }
        return unsafe String(cString: value)
    }
}

extension Catalog {
    static func occupancy(ofPCM name: String, _ direction: AudioDirection) throws(DeviceError) -> DeviceOccupancy {
        if let states = HardwarePCM(name: name)?.substreamStates(direction), !states.isEmpty {
            return states.contains { !$0.isOpen } ? .free : .busy(Occupants.of(pcm: name, direction))
        }
        do throws(DeviceError) {
            _ = try PCM(name: name, direction: direction)
            return .free
        } catch  where error.code == .busy {
            return .busy(Occupants.of(pcm: name, direction))
        }
    }
}
