import Glibc
public import Media

/// A recording as a WAV file: 16-bit PCM, written as it comes.
///
/// The lengths in the header are those of what was written when the file was last brought up to date: at least every
/// ten seconds, and by ``finish()``. What a crash leaves behind can be played.
/// - Thread: one at a time; blocks for the disk.
/// - Source: Microsoft and IBM, Multimedia Programming Interface and Data Specifications 1.0, chapter 3.
@safe
public final class WAVFile {
    public let path: String
    public let format: AudioFormat
    /// Sample frames in the file.
    public private(set) var sampleFrames: Int64 = 0
    private var descriptor: Int32
    private let isSeekable: Bool
    private var sampleFramesInHeader: Int64 = 0

    /// The header's fields for lengths have 32 bits.
    private static let largest = Int64(UInt32.max) - 64
    private static let headerSize = 44

    /// Makes the file, or empties the one that is there, and writes its header.
    /// - Throws: `.fileNotWritten` with the kernel's reason.
    public init(_ path: String, format: AudioFormat) throws(CodecError) {
        self.path = path
        self.format = format
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        let openError = errno
        var status = stat()
        let isKnown = unsafe fstat(descriptor, &status) == 0
        isSeekable = isKnown && status.st_mode & S_IFMT == S_IFREG
        guard descriptor >= 0 else { throw failure("open", openError) }
        do throws(CodecError) { try write(header) } catch {
            close(descriptor)
            descriptor = -1
            throw error
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Adds sound.
    /// - `samples`: interleaved, whole sample frames.
    /// - Throws: `.fileNotWritten` where the disk is full; `.unsupported` where the file is as long as a WAV file can be
    ///   (4 GiB). What was written before stays.
    public func append(_ samples: [Int16]) throws(CodecError) {
        precondition(samples.count % format.channels == 0, "whole sample frames")
        guard descriptor >= 0 else { throw failure("write", EBADF) }
        let added = Int64(samples.count / format.channels)
        guard (sampleFrames + added) * bytesPerFrame < Self.largest else {
            throw CodecError(
                .unsupported, operation: "write(\(path))", reason: "a WAV file ends at 4 GiB",
                advice: "Go on in another file")
        }
        try write(samples.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] })
        sampleFrames += added
        if sampleFrames - sampleFramesInHeader > Int64(format.rate) * 10 { try updateHeader() }
    }

    /// Brings the header up to date and closes the file.
    /// - Throws: `.fileNotWritten`: some network file systems tell of a full disk only here.
    public func finish() throws(CodecError) {
        guard descriptor >= 0 else { return }
        defer { descriptor = -1 }
        do throws(CodecError) { try updateHeader() } catch {
            close(descriptor)
            throw error
        }
        guard close(descriptor) == 0 else { throw failure("close", errno) }
    }

    private var bytesPerFrame: Int64 { Int64(format.channels * 2) }

    private func updateHeader() throws(CodecError) {
        sampleFramesInHeader = sampleFrames
        // Into a pipe the lengths cannot be written afterwards; players go by the end of the stream.
        guard isSeekable else { return }
        let bytes = header
        let written = unsafe bytes.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        guard written == bytes.count else { throw failure("pwrite", written < 0 ? errno : EIO) }
    }

    private var header: [UInt8] {
        let dataSize = UInt32(sampleFrames * bytesPerFrame)
        var bytes = Array("RIFF".utf8)
        func add(_ value: UInt32, _ count: Int) {
            for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt32(index)))) }
        }
        add(dataSize + UInt32(Self.headerSize) - 8, 4)
        bytes += Array("WAVEfmt ".utf8)
        add(16, 4)
        add(1, 2)  // PCM
        add(UInt32(format.channels), 2)
        add(UInt32(format.rate), 4)
        add(UInt32(format.rate) * UInt32(bytesPerFrame), 4)
        add(UInt32(bytesPerFrame), 2)
        add(16, 2)  // bits a sample
        bytes += Array("data".utf8)
        add(dataSize, 4)
        return bytes
    }

    private func write(_ bytes: [UInt8]) throws(CodecError) {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[written...])
                return unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
            }
            if count >= 0 { written += count } else if errno != EINTR { throw failure("write", errno) }
        }
    }

    private func failure(_ call: String, _ code: Int32) -> CodecError {
        let advice: String? =
            switch code {
            case ENOENT: "Make the folder first"
            case EACCES, EPERM, EROFS: "Choose a folder you may write to"
            case ENOSPC, EDQUOT: "Free some space, or choose another disk"
            default: nil
            }
        return CodecError(
            .fileNotWritten, operation: "\(call)(\(path))", reason: unsafe String(cString: strerror(code)),
            advice: advice)
    }
}
