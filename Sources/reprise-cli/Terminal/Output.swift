import Glibc
import Synchronization

/// Standard output or standard error, written without a buffer, so that a failure is seen where it happens.
final class Output: Sendable {
    static let standard = Output(STDOUT_FILENO, "standard output")
    static let error = Output(STDERR_FILENO, "standard error")

    let descriptor: Int32
    private let name: String
    private let lock = Mutex(())

    init(_ descriptor: Int32, _ name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// The terminal's width in columns; 80 where it does not tell.
    var width: Int {
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    func line(_ text: String = "") throws(OutputError) { try write(text + "\n") }

    func write(_ text: String) throws(OutputError) {
        let bytes = Array(text.utf8)
        let code = lock.withLock { _ -> Int32 in
            var written = 0
            while written < bytes.count {
                let count = unsafe bytes.withUnsafeBytes { bytes in
                    let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[written...])
                    return unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
                }
                switch (count, errno) {
                case (0..., _): written += count
                case (_, EAGAIN): waitForRoom()
                case (_, EINTR): continue
                case (_, let code): return code
                }
            }
            return 0
        }
        guard code == 0 else { throw OutputError(stream: name, code: code) }
    }

    /// A terminal that somebody else made non-blocking may be full for a moment.
    private func waitForRoom() {
        var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&request, 1, 1000)
    }
}

/// Nothing more can be written.
struct OutputError: Error, CustomStringConvertible {
    let stream: String
    let code: Int32

    /// Whether the reader is gone: the other end of a pipe, or the terminal. That is no failure of ours.
    var isClosed: Bool { code == EPIPE || code == EIO || code == EBADF }

    var description: String { "write(\(stream)): \(unsafe String(cString: strerror(code)))" }
}

/// Tells a person something beside the result. Where standard error is gone there is nobody to tell.
func note(_ text: String) { try? Output.error.line(text) }
