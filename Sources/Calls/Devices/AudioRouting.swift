import Media

/// In which order sound devices are preferred.
struct AudioRouting: Sendable {
    /// Kinds, preferred first.
    var order: [AudioDeviceKind] = RoutingConfiguration().order
    /// Built-in speakers before headsets.
    var isSpeakerphone = false
    /// The card of the other direction's device: the microphone of a headset goes with its speaker.
    var companion: String?

    func order(_ devices: [AudioDeviceInfo]) -> [AudioDeviceInfo] {
        // Stable: among equals the system's own order stays, its default first.
        devices.enumerated().sorted { a, b in
            let (first, second) = (rank(a.element), rank(b.element))
            return first != second ? first < second : a.offset < b.offset
        }.map(\.element)
    }

    private func rank(_ device: AudioDeviceInfo) -> Int {
        // A socket with nothing in it: a monitor that is off, a jack without a plug.
        if device.isConnected == false { return 1000 }
        // A sound server that the system made the default routes by itself, and holds the cards: going past it would
        // only meet EBUSY.
        if device.kind == .soundServer && device.isDefault { return 0 }
        if isSpeakerphone && device.kind == .builtIn { return 1 }
        if let companion, device.card == companion { return 2 }
        return 3 + (order.firstIndex(of: device.kind) ?? order.count)
    }
}
