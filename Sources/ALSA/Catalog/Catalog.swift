internal import CAlsa
import Media

/// What microphones and speakers there are: the cards' PCMs, and the named ones of the configuration.
enum Catalog {
    /// What there is in each direction, the default first.
    /// - `readsAnew`: the configuration's files too, which a program may have changed since.
    static func devices(readsAnew: Bool = true) -> [AudioDirection: [AudioDeviceInfo]] {
        AlsaMessages.keep()
        let cards = CardPCM.all()
        ALSAConfiguration.willLook(at: Set(cards.map(\.card.driver)), readsAnew: readsAnew)
        let all = named() + cards.map(\.info)
        _ = AlsaMessages.take()
        return Dictionary(grouping: all, by: \.direction).mapValues(defaultFirst)
    }

    /// The configuration's `default` is what programs get that ask for nothing; without one, the first card.
    private static func defaultFirst(_ devices: [AudioDeviceInfo]) -> [AudioDeviceInfo] {
        var devices = devices
        let chosen = devices.firstIndex { $0.id == "default" } ?? devices.firstIndex { $0.kind != .hdmi } ?? 0
        var first = devices.remove(at: chosen)
        first.isDefault = true
        return [first] + devices
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
        let known = devices()[direction] ?? []
        if let device = known.first(where: { $0.id == id }) ?? existing(id, direction) { return device }
        throw unknown(id, direction, known: known.map(\.id.rawValue))
    }

    private static func existing(_ id: DeviceID, _ direction: AudioDirection) -> AudioDeviceInfo? {
        let name = id.rawValue
        guard exists(name, direction) else { return nil }
        return AudioDeviceInfo(
            id: id, name: name, direction: direction, kind: kind(ofPCM: name, direction),
            card: HardwarePCM(name: name).flatMap { Card(index: $0.card)?.id })
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

    private static func named() -> [AudioDeviceInfo] {
        ALSAConfiguration.shownPCMs(besides: notDevices).flatMap { pcm in
            AudioDirection.allCases.compactMap { direction in
                let types = ALSAConfiguration.types(ofPCM: pcm.name, direction)
                // A definition whose card or program is missing evaluates to nothing.
                guard !types.isEmpty else { return nil }
                return AudioDeviceInfo(
                    id: DeviceID(pcm.name), name: pcm.description ?? pcm.name, direction: direction,
                    kind: kind(ofTypes: types) ?? .other)
            }
        }
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
