internal import CAlsa
import Media

extension PCM {
    private static let usualRates = [
        8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000,
    ]

    func capabilities() throws(DeviceError) -> AudioCapabilities {
        var made: OpaquePointer?
        guard unsafe snd_pcm_hw_params_malloc(&made) == 0, let parameters = unsafe made else {
            preconditionFailure("out of memory")
        }
        defer { unsafe snd_pcm_hw_params_free(parameters) }
        try check("snd_pcm_hw_params_any", unsafe snd_pcm_hw_params_any(handle, parameters))
        _ = unsafe snd_pcm_hw_params_set_rate_resample(handle, parameters, 0)

        let formats = (0...Int32(SND_PCM_FORMAT_LAST.rawValue)).compactMap { value -> String? in
            let format = snd_pcm_format_t(rawValue: value)
            guard unsafe snd_pcm_hw_params_test_format(handle, parameters, format) == 0 else { return nil }
            return unsafe snd_pcm_format_name(format).map { unsafe String(cString: $0) }
        }
        let rates = Self.usualRates.filter {
            unsafe snd_pcm_hw_params_test_rate(handle, parameters, UInt32($0), 0) == 0
        }
        let isMapped = [SND_PCM_ACCESS_MMAP_INTERLEAVED, SND_PCM_ACCESS_MMAP_NONINTERLEAVED].contains {
            unsafe snd_pcm_hw_params_test_access(handle, parameters, $0) == 0
        }
        let isRead = unsafe snd_pcm_hw_params_test_access(handle, parameters, SND_PCM_ACCESS_RW_INTERLEAVED) == 0
        return AudioCapabilities(
            sampleFormats: formats, rates: rates,
            channels: Self.range {
                unsafe (
                    snd_pcm_hw_params_get_channels_min(parameters, &$0),
                    snd_pcm_hw_params_get_channels_max(parameters, &$1)
                )
            },
            access: (isMapped ? ["mmap"] : []) + (isRead ? ["rw"] : []),
            periodFrames: Self.range { (low: inout snd_pcm_uframes_t, high: inout snd_pcm_uframes_t) in
                unsafe (
                    snd_pcm_hw_params_get_period_size_min(parameters, &low, nil),
                    snd_pcm_hw_params_get_period_size_max(parameters, &high, nil)
                )
            },
            bufferFrames: Self.range { (low: inout snd_pcm_uframes_t, high: inout snd_pcm_uframes_t) in
                unsafe (
                    snd_pcm_hw_params_get_buffer_size_min(parameters, &low),
                    snd_pcm_hw_params_get_buffer_size_max(parameters, &high)
                )
            })
    }

    /// The range that two calls tell; what they cannot tell is 0.
    private static func range<Count: FixedWidthInteger>(
        _ ask: (inout Count, inout Count) -> (Int32, Int32)
    ) -> ClosedRange<Int> {
        var low: Count = 0
        var high: Count = 0
        _ = ask(&low, &high)
        let lowest = Int(clamping: low)
        return lowest...max(lowest, Int(clamping: high))
    }
}
