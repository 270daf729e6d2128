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
    /// Whether the monitor of an HDMI output is there; nil where the card does not tell.
    var isConnected: Bool?
    /// The monitor's name, as it tells by ELD.
    var monitor: String?
    /// What is in a jack of a built-in card, where it tells: headphones, or something at the line.
    var plug: AudioDeviceKind?

    var info: AudioDeviceInfo {
        AudioDeviceInfo(
            id: DeviceID("hw:CARD=\(card.id),DEV=\(device)"),
            name: "\(card.name), \(name)" + (monitor.map { " (\($0))" } ?? ""), direction: direction,
            kind: kind, card: card.id, isConnected: isConnected)
    }

    private var kind: AudioDeviceKind {
        let kind = card.kind(pcmName: name)
        return kind == .builtIn ? plug ?? kind : kind
    }

    /// The PCMs of all cards, in the kernel's order. A card that may not be looked at is left out.
    static func all() -> [CardPCM] {
        var pcms: [CardPCM] = []
        var index: Int32 = -1
        while unsafe snd_card_next(&index) == 0, index >= 0 {
            guard let control = Control(name: "hw:\(index)"), let card = control.card(Int(index)) else { continue }
            pcms += control.pcms(of: card)
        }
        return pcms
    }
}

extension CardPCM {
    /// The PCM with an id as ``info`` gives it (`hw:CARD=USB,DEV=0`); nil where it is not there, or the name is another.
    init?(id: DeviceID, _ direction: AudioDirection) {
        let name = PCMName(id.rawValue)
        guard name.base == "hw", let arguments = name.arguments, let cardID = arguments.card, Int(cardID) == nil else {
            return nil
        }
        let index = unsafe snd_card_get_index(cardID)
        guard index >= 0, let control = Control(name: "hw:\(index)"), let card = control.card(Int(index)),
            let pcm = control.pcms(of: card).first(where: {
                $0.device == arguments.device && $0.direction == direction && $0.info.id == id
            })
        else { return nil }
        self = pcm
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
                var pcm = CardPCM(
                    card: card, device: Int(device), name: name.isEmpty ? id : name, direction: direction)
                if direction == .playback, name.contains("HDMI") || name.contains("DisplayPort") {
                    pcm.isConnected = isPlugged(jack: "HDMI/DP,pcm=\(device) Jack")
                    pcm.monitor = monitor(pcm: Int(device))
                }
                // Jacks are the card's, and lead to its first analog PCM.
                if device == 0 { pcm.plug = plug(direction) }
                pcms.append(pcm)
            }
        }
        return pcms
    }

    /// What is in the card's jacks; nil where nothing is, or it cannot tell.
    private func plug(_ direction: AudioDirection) -> AudioDeviceKind? {
        Jacks.all.first { $0.direction == direction && isPlugged(jack: $0.name) == true }?.kind
    }

    /// Whether a jack has a plug; nil where the card has no such jack.
    func isPlugged(jack name: String) -> Bool? {
        unsafe value(SND_CTL_ELEM_IFACE_CARD, name, device: 0) { unsafe snd_ctl_elem_value_get_boolean($0, 0) != 0 }
    }

    /// The name of the monitor at an HDMI output.
    func monitor(pcm device: Int) -> String? {
        unsafe value(SND_CTL_ELEM_IFACE_PCM, "ELD", device: UInt32(device)) { value in
            ELD((0..<256).map { unsafe UInt8(truncatingIfNeeded: snd_ctl_elem_value_get_byte(value, $0)) })?.monitor
        } ?? nil
    }

    private func value<Value>(
        _ interface: snd_ctl_elem_iface_t, _ name: String, device: UInt32, _ read: (OpaquePointer) -> Value
    ) -> Value? {
        var value: OpaquePointer?
        guard unsafe snd_ctl_elem_value_malloc(&value) == 0, let value = unsafe value else { return nil }
        defer { unsafe snd_ctl_elem_value_free(value) }
        unsafe snd_ctl_elem_value_set_interface(value, interface)
        unsafe snd_ctl_elem_value_set_name(value, name)
        unsafe snd_ctl_elem_value_set_device(value, device)
        guard unsafe snd_ctl_elem_read(handle, value) == 0 else { return nil }
        return unsafe read(value)
    }
}
