internal import CAlsa
import Glibc
import Media

/// An open PCM. Only its stream's thread uses it; closed when let go.
@safe
final class PCM {
    let name: String
    let direction: AudioDirection
    let handle: OpaquePointer
    /// Storage for `snd_pcm_status`.
    let status: OpaquePointer
    private var softwareParameters: OpaquePointer

    /// Opens without waiting: a device in use answers EBUSY.
    init(name: String, direction: AudioDirection) throws(DeviceError) {
        AlsaMessages.keep()
        _ = AlsaMessages.take()
        var opened: OpaquePointer?
        let stream = direction == .capture ? SND_PCM_STREAM_CAPTURE : SND_PCM_STREAM_PLAYBACK
        let error = unsafe snd_pcm_open(&opened, name, stream, Int32(SND_PCM_NONBLOCK))
        guard error >= 0, let handle = unsafe opened else {
            throw DeviceError.alsa("snd_pcm_open", name, status: error < 0 ? error : -EIO, inUse: false).explained
        }
        var status: OpaquePointer?
        var parameters: OpaquePointer?
        guard unsafe snd_pcm_status_malloc(&status) == 0, unsafe snd_pcm_sw_params_malloc(&parameters) == 0,
            let status = unsafe status, let parameters = unsafe parameters
        else { preconditionFailure("out of memory") }
        self.name = name
        self.direction = direction
        unsafe self.handle = handle
        unsafe self.status = status
        unsafe softwareParameters = parameters
    }

    deinit {
        _ = unsafe snd_pcm_close(handle)
        unsafe snd_pcm_status_free(status)
        unsafe snd_pcm_sw_params_free(softwareParameters)
    }

    /// Checks what a call returned.
    @discardableResult
    func check(_ call: String, _ status: Int32, inUse: Bool = true) throws(DeviceError) -> Int32 {
        guard status >= 0 else { throw .alsa(call, name, status: status, inUse: inUse) }
        return status
    }

    // MARK: Parameters

    /// Sets the software parameters of a stream: monotonic stamps, no start by itself, wake-ups from `wakeAt` on.
    func setSoftwareParameters(_ configuration: Configuration, wakeAt: Int) throws(DeviceError) {
        let parameters = unsafe softwareParameters
        try check("snd_pcm_sw_params_current", unsafe snd_pcm_sw_params_current(handle, parameters))
        unsafe snd_pcm_sw_params_set_tstamp_mode(handle, parameters, SND_PCM_TSTAMP_ENABLE)
        unsafe snd_pcm_sw_params_set_tstamp_type(handle, parameters, SND_PCM_TSTAMP_TYPE_MONOTONIC)
        unsafe snd_pcm_sw_params_set_start_threshold(handle, parameters, snd_pcm_uframes_t(configuration.boundary))
        unsafe snd_pcm_sw_params_set_stop_threshold(handle, parameters, snd_pcm_uframes_t(configuration.buffer))
        unsafe snd_pcm_sw_params_set_avail_min(handle, parameters, snd_pcm_uframes_t(wakeAt))
        try check("snd_pcm_sw_params", unsafe snd_pcm_sw_params(handle, parameters))
    }

    /// Changes when poll returns; the stream may be running.
    func setWakeAt(_ frames: Int) throws(DeviceError) {
        let parameters = unsafe softwareParameters
        unsafe snd_pcm_sw_params_set_avail_min(handle, parameters, snd_pcm_uframes_t(frames))
        try check("snd_pcm_sw_params", unsafe snd_pcm_sw_params(handle, parameters))
    }

    // MARK: State

    func prepare() throws(DeviceError) { try check("snd_pcm_prepare", unsafe snd_pcm_prepare(handle)) }

    func start() throws(DeviceError) { try check("snd_pcm_start", unsafe snd_pcm_start(handle)) }

    /// Stops at once; what is in the buffer is lost.
    func drop() { _ = unsafe snd_pcm_drop(handle) }

    /// Wakes a suspended device. Returns 0, or the negative errno: -EAGAIN where it is still waking.
    func resume() -> Int32 {
        let status = unsafe snd_pcm_resume(handle)
        // Plug-ins of alsa-lib 1.2.8 return 0 whatever came of it.
        return status == 0 && alsaState == SND_PCM_STATE_SUSPENDED ? -EAGAIN : status
    }

    var alsaState: snd_pcm_state_t { unsafe snd_pcm_state(handle) }

    /// The error of the state, where it is one.
    var stateError: Int32 {
        switch alsaState {
        case SND_PCM_STATE_XRUN: -EPIPE
        case SND_PCM_STATE_SUSPENDED: -ESTRPIPE
        case SND_PCM_STATE_DISCONNECTED: -ENODEV
        default: 0
        }
    }

    /// The descriptors to poll.
    func pollDescriptors() throws(DeviceError) -> [pollfd] {
        let count = try check(
            "snd_pcm_poll_descriptors_count", unsafe snd_pcm_poll_descriptors_count(handle))
        var descriptors = [pollfd](repeating: pollfd(), count: Int(count))
        let filled = unsafe descriptors.withUnsafeMutableBufferPointer { buffer in
            unsafe snd_pcm_poll_descriptors(handle, buffer.baseAddress, UInt32(count))
        }
        try check("snd_pcm_poll_descriptors", filled)
        return descriptors
    }
}
