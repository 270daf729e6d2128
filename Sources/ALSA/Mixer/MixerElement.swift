internal import CAlsa
import Media

/// An open mixer with the element that a stream's volume is set by. For one call: a mixer kept open would not notice
/// that its card went away and came back.
@safe
final class MixerElement {
    private let mixer: OpaquePointer
    private let element: OpaquePointer
    private let control: String
    private let direction: AudioDirection

    /// What a card's volume is called, the one that governs all first.
    private static func preferred(_ direction: AudioDirection) -> [String] {
        switch direction {
        case .playback: ["Master", "PCM", "Speaker", "Headphone", "Headset", "Line Out", "Digital"]
        case .capture: ["Capture", "Mic", "Headset Mic", "Internal Mic", "Front Mic", "ADC", "Digital"]
        }
    }

    /// - `control`: the control device: `hw:0`.
    /// - Throws: `.unsupported` where it has no volume for the direction.
    init(control: String, direction: AudioDirection) throws(DeviceError) {
        AlsaMessages.keep()
        _ = AlsaMessages.take()
        var opened: OpaquePointer?
        let status = unsafe snd_mixer_open(&opened, 0)
        guard status == 0, let mixer = unsafe opened else {
            throw .alsa("snd_mixer_open", control, status: status, inUse: false)
        }
        do throws(DeviceError) {
            unsafe element = try Self.find(in: mixer, control, direction)
        } catch {
            _ = unsafe snd_mixer_close(mixer)
            throw error
        }
        unsafe self.mixer = mixer
        self.control = control
        self.direction = direction
    }

    deinit { _ = unsafe snd_mixer_close(mixer) }

    private static func find(
        in mixer: OpaquePointer, _ control: String, _ direction: AudioDirection
    ) throws(DeviceError) -> OpaquePointer {
        var status = unsafe snd_mixer_attach(mixer, control)
        guard status >= 0 else { throw .alsa("snd_mixer_attach", control, status: status, inUse: false) }
        status = unsafe snd_mixer_selem_register(mixer, nil, nil)
        guard status >= 0 else { throw .alsa("snd_mixer_selem_register", control, status: status, inUse: false) }
        status = unsafe snd_mixer_load(mixer)
        guard status >= 0 else { throw .alsa("snd_mixer_load", control, status: status, inUse: false) }

        let names = preferred(direction)
        var best: (rank: Int, element: OpaquePointer)?
        var next = unsafe snd_mixer_first_elem(mixer)
        while let element = unsafe next {
            unsafe next = snd_mixer_elem_next(element)
            let isFit =
                direction == .playback
                ? unsafe snd_mixer_selem_has_playback_volume(element)
                : unsafe snd_mixer_selem_has_capture_volume(element)
            guard isFit != 0, unsafe snd_mixer_selem_is_active(element) != 0 else { continue }
            let name = unsafe String(cString: snd_mixer_selem_get_name(element))
            let rank = names.firstIndex(of: name) ?? names.count
            if let better = unsafe best, unsafe better.rank <= rank { continue }
            unsafe best = (rank, element)
        }
        guard let best = unsafe best else {
            throw DeviceError(
                .unsupported, operation: "mixer(\(control))", device: control,
                reason: "the card has no volume control for \(direction.rawValue)")
        }
        return unsafe best.element
    }

    var name: String { unsafe String(cString: snd_mixer_selem_get_name(element)) }

    // MARK: Volume

    /// The range in hundredths of dB, nil where the driver does not tell it.
    var scale: VolumeScale? {
        var minimum = 0
        var maximum = 0
        let status =
            direction == .playback
            ? unsafe snd_mixer_selem_get_playback_dB_range(element, &minimum, &maximum)
            : unsafe snd_mixer_selem_get_capture_dB_range(element, &minimum, &maximum)
        return status == 0 && maximum > minimum ? VolumeScale(minimum: minimum, maximum: maximum) : nil
    }

    /// The element's own steps: for drivers without dB.
    private var steps: (minimum: Int, maximum: Int) {
        var minimum = 0
        var maximum = 0
        _ =
            direction == .playback
            ? unsafe snd_mixer_selem_get_playback_volume_range(element, &minimum, &maximum)
            : unsafe snd_mixer_selem_get_capture_volume_range(element, &minimum, &maximum)
        return (minimum, max(minimum, maximum))
    }

    func volume() throws(DeviceError) -> Int {
        let channel = SND_MIXER_SCHN_FRONT_LEFT
        var value = 0
        if let scale {
            try check(
                "snd_mixer_selem_get_dB",
                direction == .playback
                    ? unsafe snd_mixer_selem_get_playback_dB(element, channel, &value)
                    : unsafe snd_mixer_selem_get_capture_dB(element, channel, &value))
            return scale.volume(gain: value)
        }
        try check(
            "snd_mixer_selem_get_volume",
            direction == .playback
                ? unsafe snd_mixer_selem_get_playback_volume(element, channel, &value)
                : unsafe snd_mixer_selem_get_capture_volume(element, channel, &value))
        let (minimum, maximum) = steps
        return maximum == minimum ? 100 : (value - minimum) * 100 / (maximum - minimum)
    }

    func setVolume(_ volume: Int) throws(DeviceError) {
        if let scale {
            // Rounded up: a step below the wanted gain is further from it at the quiet end, where steps are coarse.
            let gain = scale.gain(volume: volume)
            let rounding: Int32 = volume == 0 ? -1 : 1
            try check(
                "snd_mixer_selem_set_dB_all",
                direction == .playback
                    ? unsafe snd_mixer_selem_set_playback_dB_all(element, gain, rounding)
                    : unsafe snd_mixer_selem_set_capture_dB_all(element, gain, rounding))
            return
        }
        let (minimum, maximum) = steps
        let value = minimum + (maximum - minimum) * volume / 100
        try check(
            "snd_mixer_selem_set_volume_all",
            direction == .playback
                ? unsafe snd_mixer_selem_set_playback_volume_all(element, value)
                : unsafe snd_mixer_selem_set_capture_volume_all(element, value))
    }

    // MARK: Mute

    var hasSwitch: Bool {
        direction == .playback
            ? unsafe snd_mixer_selem_has_playback_switch(element) != 0
            : unsafe snd_mixer_selem_has_capture_switch(element) != 0
    }

    /// Whether the lowest volume is silence.
    var reachesSilence: Bool { (scale?.minimum ?? 0) <= -9_999_999 }

    func isOn() throws(DeviceError) -> Bool {
        var value: Int32 = 0
        try check(
            "snd_mixer_selem_get_switch",
            direction == .playback
                ? unsafe snd_mixer_selem_get_playback_switch(element, SND_MIXER_SCHN_FRONT_LEFT, &value)
                : unsafe snd_mixer_selem_get_capture_switch(element, SND_MIXER_SCHN_FRONT_LEFT, &value))
        return value != 0
    }

    func setOn(_ isOn: Bool) throws(DeviceError) {
        try check(
            "snd_mixer_selem_set_switch_all",
            direction == .playback
                ? unsafe snd_mixer_selem_set_playback_switch_all(element, isOn ? 1 : 0)
                : unsafe snd_mixer_selem_set_capture_switch_all(element, isOn ? 1 : 0))
    }

    private func check(_ call: String, _ status: Int32) throws(DeviceError) {
        guard status >= 0 else { throw .alsa(call, control, status: status) }
    }
}
