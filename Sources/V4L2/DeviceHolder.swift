import Glibc

/// A program that holds a camera.
public struct DeviceHolder: Sendable, Hashable, CustomStringConvertible {
    /// The kernel's name of the program (15 bytes).
    public var program: String
    public var processID: Int32

    public init(program: String, processID: Int32) {
        self.program = program
        self.processID = processID
    }

    public var description: String { "\(program) (pid \(processID))" }
}

extension DeviceHolder {
    /// Which other programs have a node open, as far as /proc shows them to this user.
    static func all(of path: String, proc: String = "/proc") -> [DeviceHolder] {
        var wanted = stat()
        guard unsafe stat(path, &wanted) == 0, wanted.st_mode & S_IFMT == S_IFCHR else { return [] }
        let own = getpid()
        return directory(proc).compactMap { Int32($0) }.sorted().filter { $0 != own }.compactMap { process in
            let descriptors = "\(proc)/\(process)/fd"
            let holds = directory(descriptors).contains { name in
                var status = stat()
                let link = "\(descriptors)/\(name)"
                guard let target = linkTarget(link), target.hasPrefix("/dev/") else { return false }
                return unsafe stat(link, &status) == 0 && status.st_rdev == wanted.st_rdev
                    && status.st_mode & S_IFMT == S_IFCHR
            }
            guard holds else { return nil }
            let name = firstLine(of: "\(proc)/\(process)/comm") ?? "a program"
            return DeviceHolder(program: name, processID: process)
        }
    }
}

/// The names in a folder, none where it cannot be read.
func directory(_ path: String) -> [String] {
    guard let stream = unsafe opendir(path) else { return [] }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
            unsafe String(cString: UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self))
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}

/// The first line of a small file of /proc or /sys, without its end.
func firstLine(of path: String) -> String? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { _ = close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = unsafe read(descriptor, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return String(decoding: bytes.prefix(count).prefix { $0 != 0x0A }, as: UTF8.self)
}

/// Where a symbolic link points.
func linkTarget(_ path: String) -> String? {
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = unsafe bytes.withUnsafeMutableBytes { buffer in
        guard let start = buffer.baseAddress else { return -1 }
        return unsafe readlink(path, start.assumingMemoryBound(to: CChar.self), buffer.count)
    }
    return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
}
