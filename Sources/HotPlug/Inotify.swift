import CLinux
import Glibc

/// Watches folders and files: inotify(7).
final class Inotify {
    struct Event {
        var path: String
        /// The file in a watched folder; nil: the watched path itself. Of an overflow, which is of no path, nil too.
        var name: String?
        var mask: UInt32

        func has(_ flag: Int) -> Bool { mask & UInt32(flag) != 0 }

        /// More happened than the kernel keeps for who reads late: nobody knows what.
        var isOverflow: Bool { has(Int(IN_Q_OVERFLOW)) }
    }

    let descriptor: Int32
    private var paths: [Int32: String] = [:]

    init?() {
        descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        if descriptor < 0 { return nil }
    }

    func isWatched(_ path: String) -> Bool { paths.values.contains(path) }

    /// Returns whether it is watched now.
    @discardableResult
    func add(_ path: String, _ flags: Int...) -> Bool {
        let watch = unsafe inotify_add_watch(descriptor, path, flags.reduce(0) { $0 | UInt32($1) })
        if watch >= 0 { paths[watch] = path }
        return watch >= 0
    }

    /// What happened since the last call; does not wait.
    func read() -> [Event] {
        var events: [Event] = []
        unsafe withUnsafeTemporaryAllocation(byteCount: 8_192, alignment: 8) { buffer in
            while true {
                let count = unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                guard count > 0 else { return }
                unsafe parse(UnsafeRawBufferPointer(rebasing: buffer[..<count]), into: &events)
            }
        }
        return events
    }

    private func parse(_ bytes: UnsafeRawBufferPointer, into events: inout [Event]) {
        let header = MemoryLayout<inotify_event>.size
        var offset = 0
        while offset + header <= bytes.count {
            let event = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
            let end = min(offset + header + Int(event.len), bytes.count)
            let name = unsafe String(decoding: bytes[(offset + header)..<end].prefix { $0 != 0 }, as: UTF8.self)
            if let path = event.wd < 0 ? "" : paths[event.wd] {
                events.append(Event(path: path, name: name.isEmpty ? nil : name, mask: event.mask))
            }
            if event.mask & UInt32(IN_IGNORED) != 0 { paths[event.wd] = nil }
            offset = end
        }
    }

    func close() { _ = linux_close(descriptor) }
}
