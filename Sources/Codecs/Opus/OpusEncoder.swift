import COpus

/// An Opus encoder at 48 kHz.
///
/// - Thread: one encoder, one thread (it is not copyable and encoding is `mutating`, so the compiler sees to it).
/// - Memory: all is allocated at construction.
/// - Source: RFC 6716; libopus.
@safe
public struct OpusEncoder: ~Copyable, @unchecked Sendable {
    /// What libopus recommends as a packet's storage: more than any frame needs.
    public static let maximumPacketBytes = 4000

    /// As given, or as changed since with ``setBitrate(_:)`` and ``setExpectedPacketLoss(_:)``.
    public private(set) var settings: OpusSettings
    /// Sample frames that the decoded sound comes later than what was encoded.
    public let lookahead: Int
    private let encoder: OpaquePointer

    /// - Throws: `.invalidArgument` for settings outside what Opus takes; `.failed` when memory is out.
    public init(_ settings: OpusSettings) throws(CodecError) {
        try settings.validate()
        var status: Int32 = 0
        let application = settings.application == .voice ? OPUS_APPLICATION_VOIP : OPUS_APPLICATION_AUDIO
        let created = unsafe opus_encoder_create(48_000, Int32(settings.channels), application, &status)
        guard let encoder = unsafe created else { throw .opus("opus_encoder_create", status) }
        var lookahead: Int32 = 0
        _ = unsafe opus_encoder_get(encoder, OPUS_GET_LOOKAHEAD_REQUEST, &lookahead)
        unsafe self.encoder = encoder
        self.settings = settings
        self.lookahead = Int(lookahead)
        set(OPUS_SET_BITRATE_REQUEST, settings.bitrate)
        set(OPUS_SET_COMPLEXITY_REQUEST, settings.complexity)
        set(OPUS_SET_INBAND_FEC_REQUEST, settings.inBandFEC ? 1 : 0)
        set(OPUS_SET_PACKET_LOSS_PERC_REQUEST, settings.expectedPacketLoss)
        set(OPUS_SET_DTX_REQUEST, settings.dtx ? 1 : 0)
        let signal = settings.application == .voice ? OPUS_SIGNAL_VOICE : OPUS_SIGNAL_MUSIC
        set(OPUS_SET_SIGNAL_REQUEST, Int(signal))
        // What devices deliver; spares the encoder the noise below it.
        set(OPUS_SET_LSB_DEPTH_REQUEST, 16)
    }

    deinit { unsafe opus_encoder_destroy(encoder) }

    /// Encodes one frame.
    /// - `pcm`: interleaved S16, `sampleFrames × channels` values at 48 kHz; `sampleFrames` is 480, 960, 1920 or 2880.
    /// - `packet`: the caller's storage, ``maximumPacketBytes`` to be sure.
    /// - Returns: bytes written. Two or fewer means DTX: send nothing.
    /// - Throws: `.invalidArgument` for any other frame size, `.bufferTooSmall`.
    /// - Source: RFC 6716 §5.
    public mutating func encode(_ pcm: Span<Int16>, into packet: inout MutableSpan<UInt8>) throws(CodecError) -> Int {
        let sampleFrames = pcm.count / settings.channels
        guard Self.frameSizes.contains(sampleFrames), pcm.count % settings.channels == 0 else {
            throw CodecError(
                .invalidArgument, operation: "opus_encode", reason: "a frame of \(pcm.count) samples",
                advice: "Opus frames are of 480, 960, 1920 or 2880 sample frames, times \(settings.channels)")
        }
        guard !packet.isEmpty else {
            throw CodecError(.bufferTooSmall, operation: "opus_encode", reason: "no storage for the packet")
        }
        let encoder = unsafe encoder
        let written = unsafe pcm.withUnsafeBufferPointer { source in
            unsafe packet.withUnsafeMutableBufferPointer { target in
                unsafe opus_encode(
                    encoder, source.baseAddress!, Int32(sampleFrames), target.baseAddress!, Int32(target.count))
            }
        }
        guard written >= 0 else { throw .opus("opus_encode", written) }
        return Int(written)
    }

    /// Changes the bitrate from the next frame on.
    /// - `bitrate`: 6,000…510,000 b/s.
    /// - Throws: `.invalidArgument`.
    public mutating func setBitrate(_ bitrate: Int) throws(CodecError) {
        var changed = settings
        changed.bitrate = bitrate
        try changed.validate()
        set(OPUS_SET_BITRATE_REQUEST, bitrate)
        settings = changed
    }

    /// Changes how much loss FEC prepares for, from the next frame on.
    /// - `percent`: 0…100.
    /// - Throws: `.invalidArgument`.
    public mutating func setExpectedPacketLoss(_ percent: Int) throws(CodecError) {
        var changed = settings
        changed.expectedPacketLoss = percent
        try changed.validate()
        set(OPUS_SET_PACKET_LOSS_PERC_REQUEST, percent)
        settings = changed
    }

    /// Forgets what was encoded: the next frame begins a new stream.
    public mutating func reset() { _ = unsafe opus_encoder_reset(encoder) }

    private static let frameSizes = [480, 960, 1920, 2880]

    /// libopus refuses values out of range only, and those were checked.
    private func set(_ request: Int32, _ value: Int) {
        let status = unsafe opus_encoder_set(encoder, request, opus_int32(value))
        precondition(status == OPUS_OK, "opus_encoder_ctl(\(request), \(value)): \(status)")
    }
}
