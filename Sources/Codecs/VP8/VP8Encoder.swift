import CVPX
import Glibc
public import Media

/// One encoded picture of a VP8 stream.
public struct VP8EncodedFrame: Sendable, Hashable {
    public var bytes: [UInt8]
    /// Whether it can be decoded without the ones before.
    public var isKeyframe: Bool
}

/// A VP8 encoder for live streams: no picture is held back, none refers to one ahead.
///
/// The size is that of the pictures and may change at any of them: the next is a keyframe then.
/// - Thread: one encoder, one thread.
/// - Source: RFC 6386; libvpx.
@safe
public struct VP8Encoder: ~Copyable, @unchecked Sendable {
    /// Pictures up to 16,383 pixels each way (14 bits, RFC 6386 §9.1).
    public static let maximumSide = 16_383
    /// The ticks of a second on the encoder's timeline: RTP's for video.
    private static let clockRate: Int64 = 90_000

    /// As given, or as changed since with ``setBitrate(_:)``.
    public private(set) var settings: VP8Settings
    private let codec: UnsafeMutablePointer<vpx_codec_ctx_t>
    private var config = unsafe vpx_codec_enc_cfg_t()
    private var isOpen = false
    private var width = 0
    private var height = 0
    private var firstCapture: MonotonicInstant?
    private var lastTicks: Int64 = -1
    private var speedUp = 0

    /// - Throws: `.invalidArgument` for settings outside their ranges.
    public init(_ settings: VP8Settings) throws(CodecError) {
        try settings.validate()
        self.settings = settings
        unsafe codec = .allocate(capacity: 1)
        unsafe codec.initialize(to: vpx_codec_ctx_t())
    }

    deinit {
        if isOpen { _ = unsafe vpx_codec_destroy(codec) }
        unsafe codec.deallocate()
    }

    /// Encodes one picture.
    /// - `frame`: I420; its time of capture places it in the stream, and is later than the last one's.
    /// - `keyframe`: asks for one that can be decoded by itself. The first always is.
    /// - Returns: nil where the encoder left the picture out to keep to the bitrate.
    /// - Throws: `.invalidArgument` for another pixel format or more than ``maximumSide`` pixels, `.damaged` for
    ///   planes shorter than the size says, `.failed`.
    public mutating func encode(
        _ frame: VideoFrame, keyframe: Bool = false
    ) throws(CodecError) -> VP8EncodedFrame? {
        try check(frame)
        if !isOpen || frame.width != width || frame.height != height {
            try open(width: frame.width, height: frame.height)
        }
        let ticks = place(frame.capturedAt)
        let duration = UInt(max(1, Double(Self.clockRate) / settings.framesPerSecond))
        let view = I420View(frame)
        var picture = unsafe vpx_shim_picture(
            y: view.y, u: view.u, v: view.v, stride_y: Int32(view.strideY), stride_u: Int32(view.strideU),
            stride_v: Int32(view.strideV), width: UInt32(frame.width), height: UInt32(frame.height))
        let status = unsafe vpx_shim_encode(codec, &picture, ticks, duration, keyframe)
        withExtendedLifetime(frame) {}
        guard status == VPX_CODEC_OK else { throw unsafe .vpx("vpx_codec_encode", status, codec) }
        return encoded()
    }

    /// Changes the bitrate from the next picture on.
    /// - Throws: `.invalidArgument` outside ``VP8Settings/bitrate``'s range.
    public mutating func setBitrate(_ bitrate: Int) throws(CodecError) {
        var changed = settings
        changed.bitrate = bitrate
        try changed.validate()
        settings = changed
        guard isOpen else { return }
        unsafe config.rc_target_bitrate = UInt32(bitrate / 1000)
        let status = unsafe vpx_codec_enc_config_set(codec, &config)
        guard status == VPX_CODEC_OK else { throw unsafe .vpx("vpx_codec_enc_config_set", status, codec) }
    }

    /// Encodes faster by so many steps than the settings or the machine say, from the next picture on.
    public mutating func setSpeedUp(_ steps: Int) throws(CodecError) {
        speedUp = max(0, steps)
        guard isOpen else { return }
        let status = unsafe vpx_shim_vp8_encoder_speed(codec, Int32(speed))
        guard status == VPX_CODEC_OK else { throw unsafe .vpx("vpx_codec_control", status, codec) }
    }

    /// libvpx's cpu-used for the size that is open.
    private var speed: Int {
        let usual = settings.speed ?? VP8Settings.usualSpeed(width: width, height: height, processors: Self.processors)
        return min(VP8Settings.fastest, usual + speedUp)
    }

    private func check(_ frame: VideoFrame) throws(CodecError) {
        let side = 1...Self.maximumSide
        guard frame.format == .i420, side.contains(frame.width), side.contains(frame.height) else {
            throw CodecError(
                .invalidArgument, operation: "VP8Encoder.encode",
                reason: "a \(frame.format.rawValue) picture of \(frame.width)×\(frame.height)",
                advice: "Convert it to I420 first")
        }
        let (chromaWidth, chromaHeight) = ((frame.width + 1) / 2, (frame.height + 1) / 2)
        let shape = [(frame.width, frame.height), (chromaWidth, chromaHeight), (chromaWidth, chromaHeight)]
        guard frame.planes.count == 3 else {
            throw CodecError(
                .invalidArgument, operation: "VP8Encoder.encode", reason: "\(frame.planes.count) planes instead of 3")
        }
        for (plane, (width, rows)) in zip(frame.planes, shape) {
            guard plane.stride >= width, unsafe plane.bytes.count >= plane.stride * (rows - 1) + width else {
                throw CodecError(.damaged, operation: "VP8Encoder.encode", reason: "the frame is cut short")
            }
        }
    }

    /// libvpx can change the size of an open encoder downwards only; a new one begins with a keyframe, as it must.
    private mutating func open(width: Int, height: Int) throws(CodecError) {
        if isOpen { _ = unsafe vpx_codec_destroy(codec) }
        isOpen = false
        let status = unsafe vpx_shim_vp8_encoder_defaults(&config)
        guard status == VPX_CODEC_OK else { throw unsafe .vpx("vpx_codec_enc_config_default", status, nil) }
        configure(width: width, height: height)
        let opened = unsafe vpx_shim_vp8_encoder_init(codec, &config)
        guard opened == VPX_CODEC_OK else { throw unsafe .vpx("vpx_codec_enc_init", opened, nil) }
        isOpen = true
        self.width = width
        self.height = height
        let isScreen = settings.content == .screen
        // A keyframe may take so many per cent of a frame's share: half of the optimal buffer (as libwebrtc does), or the
        // rate would be overshot for a second after each.
        let intra = UInt32(max(300, Double(unsafe config.rc_buf_optimal_sz) * 0.5 * settings.framesPerSecond / 10))
        let controlled = unsafe vpx_shim_vp8_encoder_control(
            codec, Int32(speed), isScreen ? 1 : 0, isScreen ? 100 : 1, intra)
        guard controlled == VPX_CODEC_OK else { throw unsafe .vpx("vpx_codec_control", controlled, codec) }
    }

    private mutating func configure(width: Int, height: Int) {
        unsafe config.g_w = UInt32(width)
        unsafe config.g_h = UInt32(height)
        unsafe config.g_timebase = vpx_rational_t(num: 1, den: Int32(Self.clockRate))
        unsafe config.g_threads = UInt32(
            settings.threads
                ?? VP8Settings.usualThreads(width: width, height: height, processors: Self.processors))
        unsafe config.g_lag_in_frames = 0
        unsafe config.g_error_resilient = 0
        unsafe config.rc_end_usage = VPX_CBR
        unsafe config.rc_target_bitrate = UInt32(settings.bitrate / 1000)
        unsafe config.rc_resize_allowed = 0
        unsafe config.rc_min_quantizer = settings.content == .screen ? 4 : 2
        unsafe config.rc_max_quantizer = 56
        unsafe config.rc_undershoot_pct = 100
        unsafe config.rc_overshoot_pct = 15
        unsafe config.rc_buf_initial_sz = 500
        unsafe config.rc_buf_optimal_sz = 600
        unsafe config.rc_buf_sz = 1000
        // A screen's pictures are few: rather a coarse one than none.
        unsafe config.rc_dropframe_thresh = settings.content == .screen ? 0 : 30
        // Keyframes are asked for; in between they would only be spikes.
        unsafe config.kf_mode = VPX_KF_DISABLED
    }

    /// The picture's place on the encoder's timeline, which must rise.
    private mutating func place(_ capturedAt: MonotonicInstant) -> Int64 {
        let first = firstCapture ?? capturedAt
        firstCapture = first
        let ticks = (capturedAt - first).nanoseconds / 100_000 * Self.clockRate / 10_000
        lastTicks = max(ticks, lastTicks + 1)
        return lastTicks
    }

    private func encoded() -> VP8EncodedFrame? {
        var iterator: vpx_codec_iter_t?
        var size = 0
        var isKeyframe = false
        guard let data = unsafe vpx_shim_next_encoded(codec, &iterator, &size, &isKeyframe), size > 0 else {
            return nil
        }
        let bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: data, count: size))
        return VP8EncodedFrame(bytes: bytes, isKeyframe: isKeyframe)
    }

    private static let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
}

extension CodecError {
    /// What a libvpx call answered.
    @unsafe
    static func vpx(
        _ operation: String, _ status: vpx_codec_err_t, _ codec: UnsafeMutablePointer<vpx_codec_ctx_t>?
    ) -> CodecError {
        let code: Code =
            switch status {
            case VPX_CODEC_CORRUPT_FRAME, VPX_CODEC_UNSUP_BITSTREAM, VPX_CODEC_UNSUP_FEATURE: .damaged
            case VPX_CODEC_INVALID_PARAM: .invalidArgument
            default: .failed
            }
        let words = unsafe String(cString: vpx_codec_err_to_string(status))
        let detail = unsafe codec.flatMap { unsafe vpx_codec_error_detail($0) }.map { unsafe String(cString: $0) }
        return CodecError(code, operation: operation, reason: detail.map { "\(words): \($0)" } ?? words)
    }
}
