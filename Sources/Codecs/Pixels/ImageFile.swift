import CPNG
import CTurboJPEG
import CYUV
import Glibc
public import Media

/// Snapshots: one picture as a JPEG or PNG file.
///
/// - Source: libjpeg-turbo (quality 90), libpng's simplified interface.
public enum ImageFile {
    /// Writes a picture; the file's extension chooses: `jpg`, `jpeg` or `png`.
    /// - `frame`: of any pixel format.
    /// - Throws: `.unsupported` for another extension; `.fileNotWritten` with the kernel's reason where the path
    ///   cannot be written or the disk is full (no half of a file is left then); `.damaged` as ``PixelConverter``.
    /// - Thread: any; blocks for the disk.
    public static func write(_ frame: VideoFrame, to path: String) throws(CodecError) {
        let encode = try encoder(for: path)
        try save(try encode(try rgb(frame)), to: path)
    }

    /// Tells before any picture is taken whether a path's extension can be written.
    /// - Throws: `.unsupported`.
    public static func check(path: String) throws(CodecError) { _ = try encoder(for: path) }

    private typealias Encoder = (RGBPicture) throws(CodecError) -> [UInt8]

    private static func encoder(for path: String) throws(CodecError) -> Encoder {
        let name = path.split(separator: "/").last ?? ""
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        switch parts.count > 1 ? parts.last?.lowercased() : nil {
        case "jpg", "jpeg": return jpeg
        case "png": return png
        case let other:
            let what = other.map { "the extension .\($0)" } ?? "no extension"
            throw CodecError(
                .unsupported, operation: "write(\(path))", reason: "a picture cannot be written with \(what)",
                advice: "Use .jpg, .jpeg or .png")
        }
    }

    private struct RGBPicture {
        var width: Int
        var height: Int
        var pixels: [UInt8]  // R G B, rows without padding
    }

    private static func rgb(_ frame: VideoFrame) throws(CodecError) -> RGBPicture {
        let picture = try PixelConverter().convert(frame)
        let from = I420View(picture)
        var pixels = [UInt8](repeating: 0, count: picture.width * picture.height * 3)
        let status = unsafe pixels.withUnsafeMutableBufferPointer { pixels in
            // libyuv names words, not bytes: R G B in memory is its RAW.
            unsafe I420ToRAW(
                from.y, Int32(from.strideY), from.u, Int32(from.strideU), from.v, Int32(from.strideV),
                pixels.baseAddress, Int32(picture.width * 3), Int32(picture.width), Int32(picture.height))
        }
        guard status == 0 else {
            throw CodecError(.failed, operation: "I420ToRAW", reason: "libyuv answered \(status)")
        }
        return withExtendedLifetime(picture) {
            RGBPicture(width: picture.width, height: picture.height, pixels: pixels)
        }
    }

    private static func jpeg(_ picture: RGBPicture) throws(CodecError) -> [UInt8] {
        guard let handle = unsafe tjInitCompress() else {
            throw CodecError(.failed, operation: "tjInitCompress", reason: "out of memory")
        }
        defer { _ = unsafe tjDestroy(handle) }
        let (width, height) = (Int32(picture.width), Int32(picture.height))
        let subsampling = Int32(TJSAMP_420.rawValue)
        let capacity = Int(tjBufSize(width, height, subsampling))
        var bytes = [UInt8](repeating: 0, count: capacity)
        var size = UInt(capacity)
        let status = unsafe bytes.withUnsafeMutableBufferPointer { bytes in
            var start = bytes.baseAddress
            return unsafe tjCompress2(
                handle, picture.pixels, width, 0, height, Int32(TJPF_RGB.rawValue), &start, &size, subsampling, 90,
                Int32(TJFLAG_NOREALLOC))
        }
        guard status == 0 else {
            throw CodecError(
                .failed, operation: "tjCompress2", reason: unsafe String(cString: tjGetErrorStr2(handle)))
        }
        bytes.removeLast(capacity - Int(size))
        return bytes
    }

    private static func png(_ picture: RGBPicture) throws(CodecError) -> [UInt8] {
        let capacity = png_rgb_size_max(UInt32(picture.width), UInt32(picture.height))
        var bytes = [UInt8](repeating: 0, count: capacity)
        var message = [UInt8](repeating: 0, count: 64)
        let size = unsafe bytes.withUnsafeMutableBytes { bytes in
            unsafe png_write_rgb(
                picture.pixels, UInt32(picture.width), UInt32(picture.height), bytes.baseAddress, capacity, &message)
        }
        guard size > 0 else {
            throw CodecError(
                .failed, operation: "png_image_write_to_memory",
                reason: String(decoding: message.prefix { $0 != 0 }, as: UTF8.self))
        }
        bytes.removeLast(capacity - size)
        return bytes
    }

    private static func save(_ bytes: [UInt8], to path: String) throws(CodecError) {
        func failure(_ operation: String, _ code: Int32) -> CodecError {
            let advice: String? =
                switch code {
                case ENOENT: "Make the folder first"
                case EACCES, EPERM, EROFS: "Choose a folder you may write to"
                case ENOSPC, EDQUOT: "Free some space, or choose another disk"
                default: nil
                }
            return CodecError(
                .fileNotWritten, operation: "\(operation)(\(path))", reason: unsafe String(cString: strerror(code)),
                advice: advice)
        }
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure("open", errno) }
        var code: Int32 = 0
        var written = 0
        while written < bytes.count, code == 0 {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe Glibc.write(descriptor, bytes.baseAddress.map { unsafe $0 + written }, bytes.count - written)
            }
            if count >= 0 { written += count } else if errno != EINTR { code = errno }
        }
        var status = stat()
        let isFile = unsafe fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        // A network file system tells of a full disk only here.
        if close(descriptor) != 0, code == 0 { code = errno }
        guard code == 0 else {
            if isFile { _ = unsafe unlink(path) }
            throw failure("write", code)
        }
    }
}
