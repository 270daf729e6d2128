internal import CAlsa
import Glibc
import Media

/// A sound device that somebody else holds.
final class HeldPCM: Sendable {
    private let descriptor: Int32

    /// Takes the first substream of a PCM that is free.
    init(_ card: String, device: Int = 0, _ direction: AudioDirection) throws {
        let index = unsafe snd_card_get_index(card)
        let path = "/dev/snd/pcmC\(index)D\(device)\(direction == .capture ? "c" : "p")"
        descriptor = unsafe open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw DeviceError(.busy, operation: "open", device: path, reason: "errno \(errno)")
        }
    }

    /// - Returns: when. Once.
    func letGo() -> MonotonicInstant {
        let at = MonotonicInstant.now()
        close(descriptor)
        return at
    }
}

/// A jack of a card that is set by hand: a control of the kernel's that a program adds (snd_ctl_add_boolean_elem_set), with the events
/// of a driver's own. The lab's sound chips have no jacks that sense a plug, and Debian's kernel is built without injection
/// (CONFIG_SND_JACK_INJECTION_DEBUG).
@safe
final class UserJack {
    private let handle: OpaquePointer
    private let value: OpaquePointer

    init(_ name: String, card: String) throws {
        var opened: OpaquePointer?
        var element: OpaquePointer?
        var info: OpaquePointer?
        guard unsafe snd_ctl_open(&opened, "hw:\(card)", 0) == 0, let handle = unsafe opened,
            unsafe snd_ctl_elem_value_malloc(&element) == 0, let value = unsafe element,
            unsafe snd_ctl_elem_info_malloc(&info) == 0, let info = unsafe info
        else { throw DeviceError(.failed, operation: "snd_ctl_open", device: card, reason: "cannot be opened") }
        unsafe (self.handle, self.value) = (handle, value)
        defer { unsafe snd_ctl_elem_info_free(info) }
        unsafe snd_ctl_elem_info_set_interface(info, SND_CTL_ELEM_IFACE_CARD)
        unsafe snd_ctl_elem_info_set_name(info, name)
        let status = unsafe snd_ctl_add_boolean_elem_set(handle, info, 1, 1)
        guard status == 0 || status == -EBUSY else {
            throw DeviceError(.failed, operation: "add \(name)", device: card, reason: "\(status)")
        }
        unsafe snd_ctl_elem_value_set_interface(value, SND_CTL_ELEM_IFACE_CARD)
        unsafe snd_ctl_elem_value_set_name(value, name)
    }

    deinit {
        unsafe snd_ctl_elem_value_free(value)
        _ = unsafe snd_ctl_close(handle)
    }

    /// - Returns: when.
    func set(_ isPlugged: Bool) -> MonotonicInstant {
        unsafe snd_ctl_elem_value_set_boolean(value, 0, isPlugged ? 1 : 0)
        let at = MonotonicInstant.now()
        let status = unsafe snd_ctl_elem_write(handle, value)
        precondition(status >= 0, "snd_ctl_elem_write: \(status)")
        return at
    }
}

/// The least that taking another card can cost in this machine: alsa-lib's open, configuration and start, and nothing else.
enum BareStart {
    /// - `readsConfiguration`: whether alsa-lib's files are read anew first, as they are after a card came or went.
    /// - Returns: from the beginning until the device runs.
    static func playback(_ name: String, readsConfiguration: Bool) throws -> Duration {
        if readsConfiguration { _ = unsafe snd_config_update_free_global() }
        let begun = MonotonicInstant.now()
        var opened: OpaquePointer?
        let status = unsafe snd_pcm_open(&opened, name, SND_PCM_STREAM_PLAYBACK, Int32(SND_PCM_NONBLOCK))
        guard status == 0, let pcm = unsafe opened else {
            throw DeviceError(.failed, operation: "snd_pcm_open", device: name, reason: "\(status)")
        }
        defer { _ = unsafe snd_pcm_close(pcm) }
        let silence = [Int16](repeating: 0, count: 1920)
        guard
            unsafe snd_pcm_set_params(
                pcm, SND_PCM_FORMAT_S16_LE, SND_PCM_ACCESS_RW_INTERLEAVED, 2, 48_000, 0, 40_000) == 0,
            unsafe snd_pcm_writei(pcm, silence, 960) > 0
        else { throw DeviceError(.failed, operation: "snd_pcm_set_params", device: name, reason: "refused") }
        _ = unsafe snd_pcm_start(pcm)
        return MonotonicInstant.now() - begun
    }
}
