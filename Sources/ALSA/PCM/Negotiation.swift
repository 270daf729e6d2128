internal import CAlsa
import Glibc
import Media

/// Finds what the hardware and the stream agree on, and sets it.
extension PCM {
    /// Negotiates and installs the hardware parameters: the first of ``PCMAccess`` and of ``HardwareFormat`` that the
    /// device has, the ring's channels and rate or the nearest, and periods that divide the stream's.
    /// - `proven`: what came of the same request last time. It is set straight away, which spares a dozen questions to
    ///   the driver; where the device refuses it (it is another one by now), all is negotiated anew.
    func configure(_ request: ConfigurationRequest, proven: Configuration?) throws(DeviceError) -> Configuration {
        var parameters: OpaquePointer?
        guard unsafe snd_pcm_hw_params_malloc(&parameters) == 0, let parameters = unsafe parameters else {
            preconditionFailure("out of memory")
        }
        defer { unsafe snd_pcm_hw_params_free(parameters) }
        if let proven {
            if unsafe install(parameters, proven) { return proven }
            _ = unsafe snd_pcm_hw_free(handle)
        }
        do {
            return try unsafe configure(parameters, request, hardwarePeriod: request.firstBlock)
        } catch  where request.firstBlock != request.period && error.code != .disconnected && error.code != .noDevice {
            // Some drivers accept a short period in the table of what they can do, and refuse it when it is set.
            _ = unsafe snd_pcm_hw_free(handle)
            return try unsafe configure(parameters, request, hardwarePeriod: request.period)
        }
    }

    /// Installs what is known to work. Returns whether it does still.
    private func install(_ parameters: OpaquePointer, _ proven: Configuration) -> Bool {
        guard unsafe snd_pcm_hw_params_any(handle, parameters) >= 0 else { return false }
        _ = unsafe snd_pcm_hw_params_set_rate_resample(handle, parameters, 0)
        return unsafe snd_pcm_hw_params_set_access(handle, parameters, proven.access.alsa) == 0
            && snd_pcm_hw_params_set_format(handle, parameters, proven.format.alsa) == 0
            && snd_pcm_hw_params_set_channels(handle, parameters, UInt32(proven.channels)) == 0
            && snd_pcm_hw_params_set_rate(handle, parameters, UInt32(proven.rate), 0) == 0
            && snd_pcm_hw_params_set_period_size(handle, parameters, snd_pcm_uframes_t(proven.hardwarePeriod), 0) == 0
            && snd_pcm_hw_params_set_buffer_size(handle, parameters, snd_pcm_uframes_t(proven.buffer)) == 0
            && snd_pcm_hw_params(handle, parameters) == 0
    }

    /// Gives up what was configured, so that it can be configured anew.
    func unconfigure() {
        drop()
        _ = unsafe snd_pcm_hw_free(handle)
    }

    private func configure(
        _ parameters: OpaquePointer, _ request: ConfigurationRequest, hardwarePeriod: Duration
    ) throws(DeviceError) -> Configuration {
        try check("snd_pcm_hw_params_any", unsafe snd_pcm_hw_params_any(handle, parameters))
        // Plug-ins convert rates linearly; the stream's own resampler is better.
        _ = unsafe snd_pcm_hw_params_set_rate_resample(handle, parameters, 0)
        let access = try unsafe chooseAccess(parameters)
        let format = try unsafe chooseFormat(parameters)
        let channels = try unsafe chooseChannels(parameters, preferred: request.format.channels)
        let rate = try unsafe chooseRate(parameters, preferred: request.format.rate)

        let wanted = Int(request.period.nanoseconds * Int64(rate) / 1_000_000_000)
        let shortest = max(1, Int(hardwarePeriod.nanoseconds * Int64(rate) / 1_000_000_000))
        var period = snd_pcm_uframes_t(unsafe periodDividing(wanted, parameters, atLeast: shortest))
        try check(
            "snd_pcm_hw_params_set_period_size_near",
            unsafe snd_pcm_hw_params_set_period_size_near(handle, parameters, &period, nil), inUse: false)
        // Capture pays for a large buffer with nothing, and playback fills only what it needs of one: enough for a
        // tenth of a second in which nobody gets to run.
        let batch = Int(request.batch.nanoseconds * Int64(rate) / 1_000_000_000)
        var buffer = max(
            snd_pcm_uframes_t(max(wanted * (request.bufferPeriods ?? 10 + 5 * request.headroom), batch * 4)), period * 2
        )
        try check(
            "snd_pcm_hw_params_set_buffer_size_near",
            unsafe snd_pcm_hw_params_set_buffer_size_near(handle, parameters, &buffer), inUse: false)
        try check("snd_pcm_hw_params", unsafe snd_pcm_hw_params(handle, parameters), inUse: false)

        unsafe snd_pcm_hw_params_get_period_size(parameters, &period, nil)
        unsafe snd_pcm_hw_params_get_buffer_size(parameters, &buffer)
        let multiple = max(1, (wanted + Int(period) / 2) / Int(period))
        // At least two blocks fit, so that one can be moved while the other passes.
        let block = Int(period) * min(multiple, max(1, Int(buffer) / Int(period) / 2))
        var configuration = Configuration(
            access: access, format: format, rate: rate, channels: channels, hardwarePeriod: Int(period), block: block,
            batch: max(block, min(batch, Int(buffer) / 2) / Int(period) * Int(period)), buffer: Int(buffer),
            boundary: UInt(buffer))
        configuration.boundary = try pointerBoundary()
        return configuration
    }

    /// The shortest period that the device has of those that divide the stream's; the stream's where it has none.
    private func periodDividing(_ wanted: Int, _ parameters: OpaquePointer, atLeast shortest: Int) -> Int {
        let divisors = stride(from: max(1, wanted / shortest), to: 1, by: -1).filter { wanted.isMultiple(of: $0) }
        let possible = divisors.first {
            unsafe snd_pcm_hw_params_test_period_size(handle, parameters, snd_pcm_uframes_t(wanted / $0), 0) == 0
        }
        return wanted / (possible ?? 1)
    }

    private func chooseAccess(_ parameters: OpaquePointer) throws(DeviceError) -> PCMAccess {
        for access in PCMAccess.allCases
        where unsafe snd_pcm_hw_params_set_access(handle, parameters, access.alsa) == 0 {
            return access
        }
        throw unsupported("snd_pcm_hw_params_set_access", "no access of a kind that is known here")
    }

    private func chooseFormat(_ parameters: OpaquePointer) throws(DeviceError) -> HardwareFormat {
        for format in HardwareFormat.allCases
        where unsafe snd_pcm_hw_params_set_format(handle, parameters, format.alsa) == 0 {
            return format
        }
        throw unsupported(
            "snd_pcm_hw_params_set_format", "has none of S16_LE, S32_LE, S24_3LE, FLOAT_LE; try plughw instead of hw")
    }

    /// The ring's channels, the other of 1 and 2, or the fewest there are.
    private func chooseChannels(_ parameters: OpaquePointer, preferred: Int) throws(DeviceError) -> Int {
        for channels in [preferred, 3 - preferred]
        where unsafe snd_pcm_hw_params_set_channels(handle, parameters, UInt32(channels)) == 0 {
            return channels
        }
        var fewest: UInt32 = 0
        try check(
            "snd_pcm_hw_params_set_channels_first",
            unsafe snd_pcm_hw_params_set_channels_first(handle, parameters, &fewest), inUse: false)
        return Int(fewest)
    }

    private func chooseRate(_ parameters: OpaquePointer, preferred: Int) throws(DeviceError) -> Int {
        var rate = UInt32(preferred)
        try check(
            "snd_pcm_hw_params_set_rate_near",
            unsafe snd_pcm_hw_params_set_rate_near(handle, parameters, &rate, nil), inUse: false)
        return Int(rate)
    }

    private func pointerBoundary() throws(DeviceError) -> UInt {
        var parameters: OpaquePointer?
        guard unsafe snd_pcm_sw_params_malloc(&parameters) == 0, let parameters = unsafe parameters else {
            preconditionFailure("out of memory")
        }
        defer { unsafe snd_pcm_sw_params_free(parameters) }
        try check("snd_pcm_sw_params_current", unsafe snd_pcm_sw_params_current(handle, parameters))
        var boundary: snd_pcm_uframes_t = 0
        try check("snd_pcm_sw_params_get_boundary", unsafe snd_pcm_sw_params_get_boundary(parameters, &boundary))
        return UInt(boundary)
    }

    private func unsupported(_ call: String, _ reason: String) -> DeviceError {
        DeviceError(.unsupported, operation: "\(call)(\(name))", device: name, reason: reason, errno: EINVAL)
    }
}

extension PCMAccess {
    fileprivate var alsa: snd_pcm_access_t {
        switch self {
        case .mmap: SND_PCM_ACCESS_MMAP_INTERLEAVED
        case .mmapNoninterleaved: SND_PCM_ACCESS_MMAP_NONINTERLEAVED
        case .readWrite: SND_PCM_ACCESS_RW_INTERLEAVED
        }
    }
}
