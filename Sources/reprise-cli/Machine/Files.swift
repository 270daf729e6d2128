import Glibc

/// What lies at a path.
enum FileKind: Equatable {
    case missing
    /// A character device.
    case device
    /// With its name for people.
    case other(String)

    init(_ path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            self = .missing
            return
        }
        self =
            switch status.st_mode & S_IFMT {
            case S_IFCHR: .device
            case S_IFDIR: .other("a folder")
            case S_IFREG: .other("a file")
            case S_IFIFO: .other("a pipe")
            case S_IFSOCK: .other("a socket")
            default: .other("something else")
            }
    }
}

/// Reads of /proc, /sys and /dev: small files and folders, whose absence is an answer.
enum Files {
    /// The names in a folder, sorted; empty where it cannot be read.
    static func names(in folder: String) -> [String] {
        guard let stream = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Where a symbolic link leads.
    static func destination(of link: String) -> String? {
        var bytes = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink(link, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }

    /// A file's first 64 KiB.
    static func text(_ path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 65536)
        var total = 0
        while total < bytes.count {
            let count = unsafe bytes.withUnsafeMutableBytes { bytes in
                unsafe read(descriptor, bytes.baseAddress.map { unsafe $0 + total }, bytes.count - total)
            }
            if count <= 0 { break }
            total += count
        }
        return String(decoding: bytes.prefix(total), as: UTF8.self)
    }

    /// Makes a folder where there is none.
    /// - Throws: `CommandError`.
    static func makeFolder(_ path: String) throws(CommandError) {
        guard unsafe mkdir(path, 0o777) != 0 else { return }
        let code = errno
        if code == EEXIST, FileKind(path) == .other("a folder") { return }
        throw CommandError("mkdir(\(path)): \(unsafe String(cString: strerror(code))).")
    }

    static func isReadableAndWritable(_ path: String) -> Bool { unsafe access(path, R_OK | W_OK) == 0 }
}
