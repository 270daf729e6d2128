internal import CAlsa
import Media
import Synchronization

/// The volume of a card, for one direction. Calls run on the control thread.
final class CardMixer: AudioMixer {
    private let pcm: String
    private let direction: AudioDirection
    // For cards whose mute is their lowest volume: what it was before.
    private let volumeBeforeMute = Mutex(100)

    /// The mixer that belongs to a PCM; nil where there is none with a volume.
    static func of(pcm name: String, _ direction: AudioDirection) -> CardMixer? {
        guard let control = controlName(ofPCM: name),
            (try? MixerElement(control: control, direction: direction)) != nil
        else { return nil }
        return CardMixer(pcm: name, direction: direction)
    }

    /// A PCM of a card is governed by that card's controls, a named one by those of the same name.
    private static func controlName(ofPCM name: String) -> String? {
        if let hardware = HardwarePCM(name: name) { return "hw:\(hardware.card)" }
        return ALSAConfiguration.defines(name, base: "ctl") ? name : nil
    }

    private init(pcm: String, direction: AudioDirection) {
        self.pcm = pcm
        self.direction = direction
    }

    func volume() async throws(DeviceError) -> Int {
        try await withElement { element throws(DeviceError) in try element.volume() }
    }

    func setVolume(_ volume: Int) async throws(DeviceError) {
        guard (0...100).contains(volume) else {
            throw DeviceError(
                .invalidArgument, operation: "setVolume(\(volume))", device: pcm, reason: "a volume is 0 to 100")
        }
        try await withElement { element throws(DeviceError) in try element.setVolume(volume) }
    }

    func isMuted() async throws(DeviceError) -> Bool {
        try await withElement { element throws(DeviceError) in
            if element.hasSwitch { return try !element.isOn() }
            return element.reachesSilence ? try element.volume() == 0 : false
        }
    }

    func setMuted(_ muted: Bool) async throws(DeviceError) {
        try await withElement { [self] element throws(DeviceError) in
            if element.hasSwitch { return try element.setOn(!muted) }
            guard element.reachesSilence else {
                throw DeviceError(
                    .unsupported, operation: "setMuted(\(muted))", device: pcm,
                    reason: "the card has no mute switch, and its lowest volume is not silence")
            }
            let volume = try element.volume()
            if muted, volume > 0 {
                volumeBeforeMute.withLock { $0 = volume }
                try element.setVolume(0)
            } else if !muted, volume == 0 {
                try element.setVolume(volumeBeforeMute.withLock { $0 })
            }
        }
    }

    var muteControl: String? {
        get async { try? await withElement { element throws(DeviceError) in element.name } }
    }

    private func withElement<Value: Sendable>(
        _ body: @escaping @Sendable (MixerElement) throws(DeviceError) -> Value
    ) async throws(DeviceError) -> Value {
        try await ControlThread.shared.run { [pcm, direction] () throws(DeviceError) in
            // Anew each time: a card that was plugged in again may have another number.
            guard let control = Self.controlName(ofPCM: pcm) else {
                throw DeviceError(.disconnected, operation: "mixer(\(pcm))", device: pcm, reason: "the card is gone")
            }
            return try body(try MixerElement(control: control, direction: direction))
        }
    }
}
