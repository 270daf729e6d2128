import CTurboJPEG
import CYUV
import Media

/// Decodes the JPEG pictures of cameras to I420 of limited range.
///
/// - Thread: one decoder, one thread.
/// - Source: libjpeg-turbo's TurboJPEG interface; it knows the Huffman tables that UVC cameras leave out.
@safe
struct MJPEGDecoder: ~Copyable {
    private var handle: tjhandle?
    /// Planes of 4:2:2 and 4:4:4 pictures on their way to 4:2:0, or packed pixels.
    private var scratch: [UInt8] = []

    init() { unsafe handle = tjInitDecompress() }

    deinit { if let handle = unsafe handle { _ = unsafe tjDestroy(handle) } }

    /// Decodes one picture, of the size that the JPEG says (cameras round it up to whole blocks at times).
    mutating func decode(_ frame: VideoFrame, pool: PicturePool) throws(CodecError) -> I420Picture {
        do throws(CodecError) {
            return try decodeOnce(frame, pool: pool)
        } catch {
            // libjpeg-turbo 2.1.5 keeps the Huffman tables of a damaged picture, and refuses whole ones for them.
            if let handle = unsafe handle { _ = unsafe tjDestroy(handle) }
            unsafe handle = tjInitDecompress()
            throw error
        }
    }

    private mutating func decodeOnce(_ frame: VideoFrame, pool: PicturePool) throws(CodecError) -> I420Picture {
        guard let handle = unsafe handle else {
            throw CodecError(.failed, operation: "tjInitDecompress", reason: "out of memory")
        }
        let bytes = unsafe frame.planes[0].bytes
        let jpeg = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let size = UInt(bytes.count)
        var (width, height, subsampling, colours): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
        let status = unsafe tjDecompressHeader3(handle, jpeg, size, &width, &height, &subsampling, &colours)
        guard status == 0 else { throw unsafe error(handle, "tjDecompressHeader3") }
        guard (1...8_192).contains(width), (1...8_192).contains(height) else {
            throw CodecError(
                .damaged, operation: "tjDecompressHeader3", reason: "\(width)×\(height) is no camera's picture")
        }
        let picture = pool.take(width: Int(width), height: Int(height))
        do throws(CodecError) {
            switch TJSAMP(UInt32(bitPattern: subsampling)) {
            case TJSAMP_420: try unsafe decode420(handle, jpeg, size, picture)
            case TJSAMP_GRAY: try unsafe decodeGrey(handle, jpeg, size, picture)
            case TJSAMP_422: try unsafe decodePlanar(handle, jpeg, size, picture, chromaShift: 1)
            case TJSAMP_444: try unsafe decodePlanar(handle, jpeg, size, picture, chromaShift: 0)
            default: try unsafe decodePacked(handle, jpeg, size, picture)
            }
        } catch {
            pool.recycle(picture)
            throw error
        }
        return picture
    }

    /// 4:2:0: straight into the picture.
    @unsafe
    private func decode420(
        _ handle: tjhandle, _ jpeg: UnsafePointer<UInt8>?, _ size: UInt, _ to: I420Picture
    ) throws(CodecError) {
        var planes: [UnsafeMutablePointer<UInt8>?] = unsafe [to.y, to.u, to.v]
        var strides = [Int32(to.strideY), Int32(to.strideUV), Int32(to.strideUV)]
        let status = unsafe tjDecompressToYUVPlanes(handle, jpeg, size, &planes, 0, &strides, 0, 0)
        try unsafe check(status, handle)
        limitRange(of: to)
    }

    @unsafe
    private func decodeGrey(
        _ handle: tjhandle, _ jpeg: UnsafePointer<UInt8>?, _ size: UInt, _ to: I420Picture
    ) throws(CodecError) {
        var planes: [UnsafeMutablePointer<UInt8>?] = unsafe [to.y, nil, nil]
        var strides = [Int32(to.strideY), 0, 0]
        let status = unsafe tjDecompressToYUVPlanes(handle, jpeg, size, &planes, 0, &strides, 0, 0)
        try unsafe check(status, handle)
        unsafe to.u.update(repeating: 128, count: to.strideUV * to.chromaHeight)
        unsafe to.v.update(repeating: 128, count: to.strideUV * to.chromaHeight)
        limitRange(of: to)
    }

    /// 4:2:2 (what most UVC cameras send) and 4:4:4: Y and wider chroma planes, then 4:2:0.
    @unsafe
    private mutating func decodePlanar(
        _ handle: tjhandle, _ jpeg: UnsafePointer<UInt8>?, _ size: UInt, _ to: I420Picture, chromaShift: Int
    ) throws(CodecError) {
        let strideC = (to.width + chromaShift) >> chromaShift
        let needed = 2 * strideC * to.height
        if scratch.count < needed { scratch = [UInt8](repeating: 0, count: needed) }
        let status = unsafe scratch.withUnsafeMutableBufferPointer { scratch in
            guard let u = scratch.baseAddress else { return Int32(-1) }
            let v = unsafe u + strideC * to.height
            var planes: [UnsafeMutablePointer<UInt8>?] = unsafe [to.y, u, v]
            var strides = [Int32(to.strideY), Int32(strideC), Int32(strideC)]
            let status = unsafe tjDecompressToYUVPlanes(handle, jpeg, size, &planes, 0, &strides, 0, 0)
            // Only the chroma is brought to half: Y is where it belongs already.
            func halve(_ from: UnsafePointer<UInt8>, _ target: UnsafeMutablePointer<UInt8>) {
                unsafe ScalePlane(
                    from, Int32(strideC), Int32(strideC), Int32(to.height), target, Int32(to.strideUV),
                    Int32(to.chromaWidth), Int32(to.chromaHeight), kFilterBox)
            }
            unsafe halve(u, to.u)
            unsafe halve(v, to.v)
            return status
        }
        try unsafe check(status, handle)
        limitRange(of: to)
    }

    /// All else (4:4:0, 4:1:1): by way of packed pixels.
    @unsafe
    private mutating func decodePacked(
        _ handle: tjhandle, _ jpeg: UnsafePointer<UInt8>?, _ size: UInt, _ to: I420Picture
    ) throws(CodecError) {
        let stride = to.width * 4
        if scratch.count < stride * to.height { scratch = [UInt8](repeating: 0, count: stride * to.height) }
        let (width, height) = (Int32(to.width), Int32(to.height))
        let status = unsafe scratch.withUnsafeMutableBufferPointer { pixels in
            let status = unsafe tjDecompress2(
                handle, jpeg, size, pixels.baseAddress, width, Int32(stride), height, Int32(TJPF_BGRX.rawValue), 0)
            _ = unsafe ARGBToI420(
                pixels.baseAddress, Int32(stride), to.y, Int32(to.strideY), to.u, Int32(to.strideUV), to.v,
                Int32(to.strideUV), width, height)
            return status
        }
        try unsafe check(status, handle)
    }

    private func limitRange(of picture: I420Picture) {
        unsafe yuv_limit_range(picture.y, picture.strideY, Int32(picture.width), Int32(picture.height), 1)
        let (width, height) = (Int32(picture.chromaWidth), Int32(picture.chromaHeight))
        unsafe yuv_limit_range(picture.u, picture.strideUV, width, height, 0)
        unsafe yuv_limit_range(picture.v, picture.strideUV, width, height, 0)
    }

    @unsafe
    private func check(_ status: Int32, _ handle: tjhandle) throws(CodecError) {
        guard status != 0 else { return }
        let failure = unsafe error(handle, "tjDecompressToYUVPlanes")
        // Many UVC cameras put padding before the end marker: the picture is whole then, and libjpeg only warns.
        if unsafe tjGetErrorCode(handle) == Int32(TJERR_WARNING.rawValue),
            failure.reason.contains("extraneous bytes before marker 0xd9")
        {
            return
        }
        throw failure
    }

    @unsafe
    private func error(_ handle: tjhandle, _ operation: String) -> CodecError {
        CodecError(.damaged, operation: operation, reason: unsafe String(cString: tjGetErrorStr2(handle)))
    }
}
