import Glibc

/// A file that is opened before the work and written after it.
final class PlotFile: Sendable {
    private let path: String
    private let descriptor: Int32

    /// - Throws: `CommandError` where the file cannot be written.
    init(_ path: String) throws {
        self.path = path
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw Self.failure("open", path, errno) }
    }

    deinit { close(descriptor) }

    func write(_ text: String) throws {
        do { try Output(descriptor, path).write(text) } catch { throw Self.failure("write", path, error.code) }
        note("Wrote \(path).")
    }

    private static func failure(_ call: String, _ path: String, _ code: Int32) -> CommandError {
        CommandError("\(call)(\(path)): \(unsafe String(cString: strerror(code))).")
    }
}
