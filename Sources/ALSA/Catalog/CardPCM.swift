internal import CAlsa
import Glibc
import Media

/// A sound card of the kernel.
struct Card {
    var index: Int
    /// Stable: `USB`, `Loopback`.
    var id: String
    var name: String
    var driver: String
}

/// One direction of one PCM device of a card.
struct CardPCM {
    var card: Card
    var device: Int
    var name: String
    var direction: AudioDirection

    var info: AudioDeviceInfo {
        AudioDeviceInfo(
            id: DeviceID("hw:CARD=\(card.id),DEV=\(device)"), name: "\(card.name), \(name)", direction: direction,
            kind: card.kind(pcmName: name))
    }

    /// The PCMs of all cards, in the kernel's order. A card that may not be looked at is left out.
    static func all() throws(DeviceError) -> [CardPCM] {
        var pcms: [CardPCM] = []
        var index: Int32 = -1
        while unsafe snd_card_next(&index) == 0, index >= 0 {
            guard let control = Control(name: "hw:\(index)"), let card = control.card(Int(index)) else { continue }
            pcms += control.pcms(of: card)
        }
        return pcms
    }
}

extension Card {
    init?(index: Int) {
        guard let card = Control(name: "hw:\(index)")?.card(index) else { return nil }
        self = card
    }

    /// - `pcmName`: the name of the PCM that is meant: a card has HDMI outputs beside others.
    func kind(pcmName: String) -> AudioDeviceKind {
        if driver == "Loopback" { return .loopback }
        if pcmName.contains("HDMI") || pcmName.contains("DisplayPort") { return .hdmi }
        let bus = Directory.resolved("/sys/class/sound/card\(index)/device") ?? ""
        if bus.contains("/usb") || driver == "USB-Audio" { return .usb }
        if bus.contains("bluetooth") || driver.contains("bt-sco") { return .bluetooth }
        if driver.lowercased().contains("hdmi") || name.contains("HDMI") { return .hdmi }
        return driver == "Dummy" ? .other : .builtIn
    }
}

/// An open control device of a card.
@safe
private final class Control {
    private let handle: OpaquePointer

    init?(name: String) {
        var opened: OpaquePointer?
        guard unsafe snd_ctl_open(&opened, name, 0) == 0, let opened = unsafe opened else { return nil }
        unsafe handle = opened
    }

    deinit { _ = unsafe snd_ctl_close(handle) }

    func card(_ index: Int) -> Card? {
        var info: OpaquePointer?
        guard unsafe snd_ctl_card_info_malloc(&info) == 0, let info = unsafe info else { return nil }
        defer { unsafe snd_ctl_card_info_free(info) }
        guard unsafe snd_ctl_card_info(handle, info) == 0 else { return nil }
        return unsafe Card(
            index: index, id: String(cString: snd_ctl_card_info_get_id(info)),
            name: String(cString: snd_ctl_card_info_get_name(info)),
            driver: String(cString: snd_ctl_card_info_get_driver(info)))
    }

    func pcms(of card: Card) -> [CardPCM] {
        var info: OpaquePointer?
        guard unsafe snd_pcm_info_malloc(&info) == 0, let info = unsafe info else { return [] }
        defer { unsafe snd_pcm_info_free(info) }
        var pcms: [CardPCM] = []
        var device: Int32 = -1
        while unsafe snd_ctl_pcm_next_device(handle, &device) == 0, device >= 0 {
            for direction in AudioDirection.allCases {
                unsafe snd_pcm_info_set_device(info, UInt32(device))
                unsafe snd_pcm_info_set_subdevice(info, 0)
                unsafe snd_pcm_info_set_stream(
                    info, direction == .capture ? SND_PCM_STREAM_CAPTURE : SND_PCM_STREAM_PLAYBACK)
                guard unsafe snd_ctl_pcm_info(handle, info) == 0 else { continue }
                let name = unsafe String(cString: snd_pcm_info_get_name(info))
                let id = unsafe String(cString: snd_pcm_info_get_id(info))
                pcms.append(
                    CardPCM(card: card, device: Int(device), name: name.isEmpty ? id : name, direction: direction))
            }
        }
        return pcms
    }
}
