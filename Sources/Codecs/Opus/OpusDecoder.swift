import COpus

/// An Opus decoder at 48 kHz.
///
/// - Thread: one decoder, one thread, as ``OpusEncoder``.
/// - Memory: all is allocated at construction.
/// - Source: RFC 6716; libopus.
@safe
public struct OpusDecoder: ~Copyable, @unchecked Sendable {
    /// The sample frames of the longest packet, 120 ms (RFC 6716 §3.2.5).
    public static let maximumSampleFrames = 5760

    public let channels: Int
    private let decoder: OpaquePointer

    /// - `channels`: 1 or 2 of the decoded sound, whatever the packets have.
    /// - Throws: `.invalidArgument` for another count; `.failed` when memory is out.
    public init(channels: Int) throws(CodecError) {
        guard (1...2).contains(channels) else {
            throw CodecError(
                .invalidArgument, operation: "opus_decoder_create", reason: "\(channels) channels",
                advice: "Opus has 1 or 2 channels here")
        }
        var status: Int32 = 0
        let created = unsafe opus_decoder_create(48_000, Int32(channels), &status)
        guard let decoder = unsafe created else { throw .opus("opus_decoder_create", status) }
        unsafe self.decoder = decoder
        self.channels = channels
    }

    deinit { unsafe opus_decoder_destroy(decoder) }

    /// Decodes one packet.
    /// - `packet`: an Opus packet from a network; any bytes are safe.
    /// - `pcm`: interleaved S16 storage; ``maximumSampleFrames`` × channels to be sure.
    /// - Returns: sample frames written.
    /// - Throws: `.damaged` for what is no Opus packet, `.bufferTooSmall`.
    /// - Source: RFC 6716 §4.
    public mutating func decode(_ packet: Span<UInt8>, into pcm: inout MutableSpan<Int16>) throws(CodecError) -> Int {
        try decode(packet, fec: false, room: pcm.count / channels, into: &pcm)
    }

    /// Decodes, out of the packet that follows a lost one, the copy that it carries of the lost one; conceals where it
    /// carries none.
    /// - `packet`: the packet after the lost one.
    /// - `sampleFrames`: what was lost, a multiple of 120 (2.5 ms).
    /// - Returns: `sampleFrames`.
    /// - Throws: as ``decode(_:into:)``; `.invalidArgument` for other sizes.
    /// - Source: RFC 6716 §2.1.7.
    public mutating func decodeFEC(
        _ packet: Span<UInt8>, sampleFrames: Int, into pcm: inout MutableSpan<Int16>
    ) throws(CodecError) -> Int {
        try checkLost(sampleFrames, room: pcm.count, "opus_decode(fec)")
        return try decode(packet, fec: true, room: sampleFrames, into: &pcm)
    }

    /// Makes up sound for a packet that did not come, out of what was decoded before; fades when called again and
    /// again.
    /// - `sampleFrames`: how much, a multiple of 120 (2.5 ms), 120…5,760.
    /// - Returns: `sampleFrames`.
    /// - Throws: `.invalidArgument` for other sizes, `.bufferTooSmall`.
    /// - Source: RFC 6716 §4.4.
    public mutating func conceal(sampleFrames: Int, into pcm: inout MutableSpan<Int16>) throws(CodecError) -> Int {
        try checkLost(sampleFrames, room: pcm.count, "opus_decode(conceal)")
        let decoder = unsafe decoder
        let written = unsafe pcm.withUnsafeMutableBufferPointer { target in
            unsafe opus_decode(decoder, nil, 0, target.baseAddress!, Int32(sampleFrames), 0)
        }
        guard written >= 0 else { throw .opus("opus_decode(conceal)", written) }
        return Int(written)
    }

    /// Forgets what was decoded: the next packet begins a new stream.
    public mutating func reset() { _ = unsafe opus_decoder_reset(decoder) }

    private func decode(
        _ packet: Span<UInt8>, fec: Bool, room: Int, into pcm: inout MutableSpan<Int16>
    ) throws(CodecError) -> Int {
        // libopus takes a length of 0 for a lost packet; here it is a damaged one.
        guard !packet.isEmpty else {
            throw CodecError(.damaged, operation: "opus_decode", reason: "an empty packet")
        }
        guard room > 0 else {
            throw CodecError(.bufferTooSmall, operation: "opus_decode", reason: "no storage for the sound")
        }
        let decoder = unsafe decoder
        let written = unsafe packet.withUnsafeBufferPointer { source in
            unsafe pcm.withUnsafeMutableBufferPointer { target in
                unsafe opus_decode(
                    decoder, source.baseAddress!, Int32(source.count), target.baseAddress!,
                    Int32(min(room, Self.maximumSampleFrames)), fec ? 1 : 0)
            }
        }
        guard written >= 0 else { throw .opus("opus_decode", written) }
        return Int(written)
    }

    private func checkLost(_ sampleFrames: Int, room: Int, _ operation: String) throws(CodecError) {
        guard sampleFrames % 120 == 0, (120...Self.maximumSampleFrames).contains(sampleFrames) else {
            throw CodecError(
                .invalidArgument, operation: operation, reason: "\(sampleFrames) sample frames",
                advice: "A multiple of 120 (2.5 ms) up to 5760 (120 ms) is allowed")
        }
        guard room >= sampleFrames * channels else {
            throw CodecError(.bufferTooSmall, operation: operation, reason: "no storage for \(sampleFrames) frames")
        }
    }
}
