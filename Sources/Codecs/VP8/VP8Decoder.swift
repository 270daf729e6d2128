import CVPX
import CYUV
public import Media

/// What the first bytes of an encoded VP8 picture say (RFC 6386 §9.1).
public struct VP8FrameHeader: Sendable, Hashable {
    public var isKeyframe: Bool
    /// A keyframe's size; 0 for others.
    public var width: Int
    public var height: Int

    /// - `bytes`: from a network: any are safe.
    /// - Returns: nil where they are no VP8 picture.
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= 3 else { return nil }
        isKeyframe = bytes[0] & 1 == 0
        width = 0
        height = 0
        guard isKeyframe else { return }
        guard bytes.count >= 10, bytes[3] == 0x9D, bytes[4] == 0x01, bytes[5] == 0x2A else { return nil }
        width = Int(bytes[6]) | Int(bytes[7] & 0x3F) << 8
        height = Int(bytes[8]) | Int(bytes[9] & 0x3F) << 8
        guard width > 0, height > 0 else { return nil }
    }
}

/// A VP8 decoder. Any bytes are safe.
///
/// - Thread: one decoder, one thread.
/// - Source: RFC 6386; libvpx.
@safe
public struct VP8Decoder: ~Copyable, @unchecked Sendable {
    /// Pictures beyond it are refused: a stranger's ten bytes could ask for 400 MB.
    public static let maximumPixels = 4096 * 2304

    /// Whether only a keyframe can be decoded now: at the start, and after damage.
    public private(set) var needsKeyframe = true
    private let codec: UnsafeMutablePointer<vpx_codec_ctx_t>
    private let pool = PicturePool()

    /// - `threads`: 1…16; one is enough for a call's pictures (libvpx's threads spin).
    /// - Throws: `.invalidArgument`, `.failed` when memory is out.
    public init(threads: Int = 1) throws(CodecError) {
        unsafe codec = try Self.open(threads)
    }

    private static func open(_ threads: Int) throws(CodecError) -> UnsafeMutablePointer<vpx_codec_ctx_t> {
        guard (1...16).contains(threads) else {
            throw CodecError(
                .invalidArgument, operation: "VP8Decoder", reason: "\(threads) threads", advice: "Give 1 to 16")
        }
        let codec = UnsafeMutablePointer<vpx_codec_ctx_t>.allocate(capacity: 1)
        unsafe codec.initialize(to: vpx_codec_ctx_t())
        let status = unsafe vpx_shim_vp8_decoder_init(codec, UInt32(threads))
        guard status == VPX_CODEC_OK else {
            unsafe codec.deallocate()
            throw unsafe .vpx("vpx_codec_dec_init", status, nil)
        }
        return unsafe codec
    }

    deinit {
        _ = unsafe vpx_codec_destroy(codec)
        unsafe codec.deallocate()
    }

    /// Decodes one picture.
    /// - `bytes`: one encoded picture, from a network.
    /// - `capturedAt`, `sequence`: what the frame is to carry.
    /// - Returns: an I420 frame; nil for a picture that is not to be shown.
    /// - Throws: `.damaged` for what does not decode and for a picture that refers to one that is missing; a
    ///   keyframe is needed then. `.unsupported` for a picture above ``maximumPixels``.
    public mutating func decode(
        _ bytes: [UInt8], capturedAt: MonotonicInstant, sequence: UInt32
    ) throws(CodecError) -> VideoFrame? {
        guard let header = VP8FrameHeader(bytes.span) else {
            needsKeyframe = true
            throw CodecError(.damaged, operation: "VP8Decoder.decode", reason: "these bytes are no VP8 picture")
        }
        guard header.isKeyframe || !needsKeyframe else {
            throw CodecError(.damaged, operation: "VP8Decoder.decode", reason: "the picture refers to a missing one")
        }
        guard header.width * header.height <= Self.maximumPixels else {
            needsKeyframe = true
            throw CodecError(
                .unsupported, operation: "VP8Decoder.decode",
                reason: "a picture of \(header.width)×\(header.height) is larger than is taken")
        }
        needsKeyframe = true
        let status = unsafe vpx_codec_decode(codec, bytes, UInt32(bytes.count), nil, 0)
        guard status == VPX_CODEC_OK else { throw unsafe .vpx("vpx_codec_decode", status, codec) }
        var picture = unsafe vpx_shim_picture()
        let isShown = unsafe vpx_shim_decoded(codec, &picture)
        guard unsafe !vpx_shim_is_corrupted(codec) else {
            throw CodecError(.damaged, operation: "vpx_codec_decode", reason: "the picture is cut short")
        }
        needsKeyframe = false
        guard isShown else { return nil }
        return try unsafe copy(picture, capturedAt, sequence)
    }

    /// libvpx writes the next picture into the same memory.
    @unsafe
    private func copy(
        _ from: vpx_shim_picture, _ capturedAt: MonotonicInstant, _ sequence: UInt32
    ) throws(CodecError) -> VideoFrame {
        let to = unsafe pool.take(width: Int(from.width), height: Int(from.height))
        let status = unsafe I420Copy(
            from.y, from.stride_y, from.u, from.stride_u, from.v, from.stride_v, to.y, Int32(to.strideY), to.u,
            Int32(to.strideUV), to.v, Int32(to.strideUV), Int32(from.width), Int32(from.height))
        guard status == 0 else {
            pool.recycle(to)
            throw CodecError(.failed, operation: "I420Copy", reason: "libyuv answered \(status)")
        }
        return pool.frame(to, capturedAt: capturedAt, sequence: sequence)
    }
}
