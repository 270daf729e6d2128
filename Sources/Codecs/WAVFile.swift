import Glibc

/// Writes sound into a WAV file (RIFF, S16 PCM).
///
/// The header's lengths are set when the file is closed; a file that was never closed says it is empty, and players
/// that look at the file's size play it still.
///
/// - Thread: one thread, or one after the other; never the period path: writing a file may block.
public struct WAVFile: ~Copyable {
    public let path: String
    /// Sample frames a second.
    public let rate: Int
    public let channels: Int
    /// Sample frames written so far.
    public private(set) var sampleFrames: Int64 = 0
    private var descriptor: Int32
    private var buffer: [UInt8] = []

    /// Creates the file, or empties the one that is there.
    /// - `rate`: sample frames a second, above 0.
    /// - `channels`: 1…65,535.
    /// - Throws: `.invalidArgument`; `.fileNotWritten` with the kernel's reason.
    public init(path: String, rate: Int = 48_000, channels: Int) throws(CodecError) {
        let descriptor = try Self.create(path, rate: rate, channels: channels)
        self.path = path
        self.rate = rate
        self.channels = channels
        self.descriptor = descriptor
        buffer.reserveCapacity(Self.bufferBytes)
    }

    deinit {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
    }

    /// Adds sound.
    /// - `samples`: interleaved, a whole number of sample frames.
    /// - Throws: `.fileNotWritten`: the disk is full, or the file would exceed the 4 GiB that WAV can say.
    public mutating func write(_ samples: Span<Int16>) throws(CodecError) {
        precondition(samples.count % channels == 0, "sample frames are written whole")
        guard dataBytes + Int64(samples.count) * 2 <= Self.maximumDataBytes else {
            throw CodecError(
                .fileNotWritten, operation: "write(\(path))", reason: "A WAV file holds at most 4 GiB",
                advice: "Go on in another file")
        }
        for index in samples.indices {
            let value = UInt16(bitPattern: samples[index])
            buffer.append(UInt8(truncatingIfNeeded: value))
            buffer.append(UInt8(value >> 8))
        }
        sampleFrames += Int64(samples.count / channels)
        if buffer.count >= Self.bufferBytes { try flush() }
    }

    /// Writes what is buffered, sets the header's lengths and closes the file. Nothing can be written afterwards.
    /// - Throws: `.fileNotWritten`; the file is closed then as well, and as long as the disk had room for.
    public consuming func close() throws(CodecError) {
        try flush()
        try finishHeader()
        let closing = descriptor
        descriptor = -1
        // A network file system may tell only here that the disk is full.
        guard Glibc.close(closing) == 0 else { throw Self.failed("close", path, errno) }
    }

    private static func create(_ path: String, rate: Int, channels: Int) throws(CodecError) -> Int32 {
        guard (1...65_535).contains(channels), (1...Int(Int32.max) / (2 * channels)).contains(rate) else {
            throw CodecError(
                .invalidArgument, operation: "WAV(\(path))", reason: "\(channels) channels at \(rate) Hz",
                advice: "WAV has 1–65535 channels and a positive rate")
        }
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failed("open", path, errno) }
        // The header at once: a full disk is told before a call is recorded, not after it.
        let header = header(rate: rate, channels: channels, dataBytes: 0)
        let written = unsafe header.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress!, $0.count) }
        guard written == header.count else {
            let reason = written < 0 ? errno : ENOSPC
            _ = Glibc.close(descriptor)
            throw failed("write", path, reason)
        }
        return descriptor
    }

    private var dataBytes: Int64 { sampleFrames * Int64(channels) * 2 }

    private mutating func flush() throws(CodecError) {
        var offset = 0
        while offset < buffer.count {
            let written = unsafe buffer.withUnsafeBytes { bytes in
                unsafe Glibc.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else {
                // Not tried again at the next write: what was lost stays lost.
                let reason = errno
                buffer.removeAll(keepingCapacity: true)
                throw Self.failed("write", path, reason)
            }
            offset += written
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private func finishHeader() throws(CodecError) {
        // A pipe or a terminal has no beginning to go back to; its reader goes by the end of the stream.
        let end = lseek(descriptor, 0, SEEK_CUR)
        guard end >= Self.headerBytes else { return }
        // What is in the file, which is less than was given where the disk was full in between.
        let header = Self.header(rate: rate, channels: channels, dataBytes: UInt32(end - Self.headerBytes))
        let written = unsafe header.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress!, $0.count, 0) }
        guard written == header.count else { throw Self.failed("write", path, errno) }
    }

    private static func header(rate: Int, channels: Int, dataBytes: UInt32) -> [UInt8] {
        func four(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        func two(_ value: Int) -> [UInt8] { [UInt8(value & 0xFF), UInt8(value >> 8)] }
        let format: [UInt8] =
            two(1) + two(channels) + four(UInt32(rate)) + four(UInt32(rate * channels * 2)) + two(channels * 2)
            + two(16)
        return Array("RIFF".utf8) + four(dataBytes + 36) + Array("WAVEfmt ".utf8) + four(16) + format
            + Array("data".utf8) + four(dataBytes)
    }

    private static func failed(_ call: String, _ path: String, _ errno: Int32) -> CodecError {
        let advice: String? =
            switch errno {
            case ENOSPC, EDQUOT: "Make room on the disk, or choose another one"
            case ENOENT: "Create the folder first"
            case EACCES, EROFS, EPERM: "Choose a folder that you may write to"
            case EISDIR: "Name a file, not a folder"
            default: nil
            }
        return CodecError(
            .fileNotWritten, operation: "\(call)(\(path))", reason: unsafe String(cString: strerror(errno)),
            advice: advice)
    }

    private static let headerBytes = 44
    private static let bufferBytes = 64 * 1024
    private static let maximumDataBytes = Int64(UInt32.max) - 36
}
