import Glibc
import Media

/// The sockets of sound servers in the user's runtime folder: the server was started, or has ended.
final class ServerSource: WatchSource {
    private static let sockets: Set<String> = ["pipewire-0", "native"]
    private let folder: String
    private let inotify: Inotify

    /// - `folder`: XDG_RUNTIME_DIR; nil where the session has none.
    init?(folder: String? = runtimeFolder) {
        guard let folder, let inotify = Inotify() else { return nil }
        self.folder = folder
        self.inotify = inotify
        inotify.add(folder, Int(IN_CREATE), Int(IN_DELETE), Int(IN_MOVED_TO))
        watchPulse()
    }

    var descriptors: [Int32] { [inotify.descriptor] }

    func read() -> [DeviceSignal] {
        inotify.read().compactMap { event in
            if event.path == folder, event.name == "pulse" { watchPulse() }
            if event.isOverflow { return DeviceSignal(.soundServer, .added, "any") }
            guard let name = event.name, Self.sockets.contains(name) else { return nil }
            return DeviceSignal(.soundServer, event.has(Int(IN_DELETE)) ? .removed : .added, name)
        }
    }

    func close() { inotify.close() }

    private func watchPulse() {
        let pulse = "\(folder)/pulse"
        guard !inotify.isWatched(pulse) else { return }
        inotify.add(pulse, Int(IN_CREATE), Int(IN_DELETE), Int(IN_MOVED_TO))
    }

    private static var runtimeFolder: String? {
        guard let value = unsafe getenv("XDG_RUNTIME_DIR") else { return nil }
        return unsafe String(cString: value)
    }
}
