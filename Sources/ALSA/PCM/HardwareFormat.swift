internal import CAlsa

/// The sample formats a stream can have at the hardware, best first: the earlier, the less work.
enum HardwareFormat: Sendable, CaseIterable {
    case s16, s32, s24in3, float

    var alsa: snd_pcm_format_t {
        switch self {
        case .s16: SND_PCM_FORMAT_S16_LE
        case .s32: SND_PCM_FORMAT_S32_LE
        case .s24in3: SND_PCM_FORMAT_S24_3LE
        case .float: SND_PCM_FORMAT_FLOAT_LE
        }
    }

    /// ALSA's name: `S16_LE`.
    var name: String {
        switch self {
        case .s16: "S16_LE"
        case .s32: "S32_LE"
        case .s24in3: "S24_3LE"
        case .float: "FLOAT_LE"
        }
    }

    var bytesPerSample: Int {
        @_noLocks get {
            switch self {
            case .s16: 2
            case .s24in3: 3
            case .s32, .float: 4
            }
        }
    }
}
