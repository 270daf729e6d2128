import Media

/// In which order sound devices are preferred.
struct AudioRouting: Sendable {
    /// Kinds, preferred first.
    var order: [AudioDeviceKind] = RoutingConfiguration().order
    /// What is heard in the whole room before headsets: ``loud``.
    var isSpeakerphone = false
    /// The card of the other direction's device, where a person chose that: the microphone of a headset goes with its
    /// speaker.
    var companion: String?
    /// Cards with a microphone and a speaker, in one order for both directions: of two headsets, both take the same.
    var pairs: [String] = []

    /// The order of a speakerphone; what is not in it comes after, as usual.
    static let loud: [AudioDeviceKind] = [.builtIn, .line, .hdmi]

    func order(_ devices: [AudioDeviceInfo]) -> [AudioDeviceInfo] {
        // Stable: among equals the system's own order stays, its default first.
        devices.enumerated().sorted { a, b in
            let (first, second) = (rank(a.element), rank(b.element))
            if first != second { return first < second }
            let (firstPair, secondPair) = (pair(a.element), pair(b.element))
            return firstPair != secondPair ? firstPair < secondPair : a.offset < b.offset
        }.map(\.element)
    }

    private func rank(_ device: AudioDeviceInfo) -> Int {
        // A socket with nothing in it: a monitor that is off, a jack without a plug.
        if device.isConnected == false { return 1000 }
        // A sound server that the system made the default routes by itself, and holds the cards: going past it would
        // only meet EBUSY.
        if device.kind == .soundServer && device.isDefault { return 0 }
        if isSpeakerphone, let place = Self.loud.firstIndex(of: device.kind) { return 1 + place }
        let first = 1 + Self.loud.count
        if let companion, device.card == companion { return first }
        return first + 1 + (order.firstIndex(of: device.kind) ?? order.count)
    }

    private func pair(_ device: AudioDeviceInfo) -> Int {
        device.card.flatMap { pairs.firstIndex(of: $0) } ?? pairs.count
    }
}
