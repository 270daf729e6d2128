import Media

/// In which order sound devices are preferred.
enum AudioRouting {
    /// - `preferred`: comes before all others where it is there.
    /// - `isSpeakerphone`: built-in speakers before headsets.
    static func order(
        _ devices: [AudioDeviceInfo], preferred: DeviceID? = nil, isSpeakerphone: Bool = false
    ) -> [AudioDeviceInfo] {
        // Stable: among equals the system's own order stays, its default first.
        let ranked = devices.enumerated().sorted { a, b in
            let (first, second) = (rank(a.element, isSpeakerphone), rank(b.element, isSpeakerphone))
            return first != second ? first < second : a.offset < b.offset
        }.map(\.element)
        guard let preferred, let index = ranked.firstIndex(where: { $0.id == preferred }) else { return ranked }
        return [ranked[index]] + ranked[..<index] + ranked[(index + 1)...]
    }

    private static func rank(_ device: AudioDeviceInfo, _ isSpeakerphone: Bool) -> Int {
        // A sound server that the system made the default routes by itself, and holds the cards: going past it would
        // only meet EBUSY.
        if device.kind == .soundServer && device.isDefault { return 0 }
        if isSpeakerphone && device.kind == .builtIn { return 1 }
        return switch device.kind {
        case .bluetooth: 2
        case .usb: 3
        case .builtIn: 4
        case .soundServer: 5
        case .other, .synthetic: 6
        case .hdmi: 7
        case .loopback: 8
        }
    }
}
