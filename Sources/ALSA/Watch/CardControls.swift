internal import CAlsa
package import Media

/// Listens to the controls of all cards: jacks, mixers that other programs move, and the names of monitors (ELD).
///
/// - Thread: the watch's. Opening a control takes no device away from anybody.
/// - Source: alsa-lib's control interface, `snd_ctl_subscribe_events`.
package final class CardControls: WatchSource {
    private var cards: [Int: ControlEvents] = [:]

    package init() {
        AlsaMessages.keep()
        openNew()
    }

    package var descriptors: [Int32] { cards.values.flatMap(\.descriptors) }

    package func read() -> [DeviceSignal] {
        var signals: [DeviceSignal] = []
        var isOneGone = false
        for (index, card) in cards {
            guard let changes = card.read() else {
                // Unplugged; its driver waits for this.
                cards[index] = nil
                isOneGone = true
                continue
            }
            signals += changes.map { DeviceSignal(.sound, .controlsChanged, "\(card.id): \($0)") }
        }
        // It may be back already, heard of before the old one was found dead.
        if isOneGone { openNew() }
        return signals
    }

    package func hear(_ signals: [DeviceSignal]) {
        // The node of a card's control is there some time before its permissions are.
        let isNew = { (signal: DeviceSignal) in
            signal.subject == .sound && (signal.event == .added || signal.event == .accessChanged)
        }
        if signals.contains(where: isNew) { openNew() }
    }

    package func close() { cards = [:] }

    private func openNew() {
        var index: Int32 = -1
        while unsafe snd_card_next(&index) == 0, index >= 0 {
            let card = Int(index)
            if cards[card]?.isAlive != true { cards[card] = ControlEvents(card: card) }
        }
        _ = AlsaMessages.take()
    }
}

/// The events of one card's controls.
@safe
private final class ControlEvents {
    let id: String
    private let handle: OpaquePointer
    private(set) var isAlive = true

    init?(card: Int) {
        guard let id = Card(index: card)?.id else { return nil }
        var opened: OpaquePointer?
        guard unsafe snd_ctl_open(&opened, "hw:\(card)", Int32(SND_CTL_NONBLOCK | SND_CTL_READONLY)) == 0,
            let opened = unsafe opened
        else { return nil }
        guard unsafe snd_ctl_subscribe_events(opened, 1) >= 0 else {
            _ = unsafe snd_ctl_close(opened)
            return nil
        }
        self.id = id
        unsafe handle = opened
    }

    deinit { _ = unsafe snd_ctl_close(handle) }

    var descriptors: [Int32] {
        unsafe withUnsafeTemporaryAllocation(of: pollfd.self, capacity: 4) { set in
            let count = unsafe snd_ctl_poll_descriptors(handle, set.baseAddress, 4)
            return unsafe set.prefix(Int(max(0, count))).map(\.fd)
        }
    }

    /// The names of the controls that changed; nil: the card is gone.
    func read() -> [String]? {
        var event: OpaquePointer?
        guard unsafe snd_ctl_event_malloc(&event) == 0, let event = unsafe event else { return [] }
        defer { unsafe snd_ctl_event_free(event) }
        var names: [String] = []
        while true {
            let status = unsafe snd_ctl_read(handle, event)
            if status == -EAGAIN || status == 0 { return names }
            guard status > 0 else {
                isAlive = false
                return nil
            }
            let name = unsafe String(cString: snd_ctl_event_elem_get_name(event))
            if !names.contains(name) { names.append(name) }
        }
    }
}
