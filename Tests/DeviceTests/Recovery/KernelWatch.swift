import Glibc
import Media
import Synchronization

/// The floor of being told: a bare read of the kernel's own messages, with when each came.
/// - Source: netlink(7), NETLINK_KOBJECT_UEVENT.
final class KernelWatch: Sendable {
    struct Message: Sendable {
        /// `add`, `remove`, `change`.
        var action: String
        /// `controlC0`, `pcmC0D0c`, `video0`.
        var node: String
        var at: MonotonicInstant
    }

    private let seen: Seen
    private let stop = Wakeup()
    private let thread: DeviceThread

    private final class Seen: Sendable {
        let messages = Mutex<[Message]>([])
    }

    init() {
        let (seen, stop) = (Seen(), stop)
        self.seen = seen
        // Open before this returns: what happens next is seen.
        let descriptor = Self.open()
        thread = DeviceThread(name: "kernel-watch") { _ in
            defer { close(descriptor) }
            var set = [
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            var bytes = [UInt8](repeating: 0, count: 8192)
            while unsafe poll(&set, 2, -1) >= 0, set[1].revents == 0 {
                let count = unsafe recv(descriptor, &bytes, bytes.count, 0)
                let at = MonotonicInstant.now()
                guard count > 0 else { return }
                // `add@/devices/…/sound/card0/pcmC0D0c`, then the properties.
                let words = String(decoding: bytes.prefix(count).prefix { $0 != 0 }, as: UTF8.self).split(
                    separator: "@")
                guard words.count == 2, words[1].contains("/sound/") || words[1].contains("/video4linux/") else {
                    continue
                }
                let node = words[1].split(separator: "/").last.map(String.init) ?? ""
                seen.messages.withLock { $0.append(Message(action: String(words[0]), node: node, at: at)) }
            }
        }
    }

    var messages: [Message] { seen.messages.withLock { $0 } }

    /// When the kernel first said that a node of this kind went or came, after an instant.
    func first(_ action: String, _ prefix: String, after begin: MonotonicInstant) -> MonotonicInstant? {
        messages.first { $0.action == action && $0.node.hasPrefix(prefix) && $0.at >= begin }?.at
    }

    /// Waits for that.
    func waitFor(
        _ action: String, _ prefix: String, after begin: MonotonicInstant = MonotonicInstant(nanoseconds: 0)
    ) async -> MonotonicInstant? {
        _ = await reached { first(action, prefix, after: begin) != nil }
        return first(action, prefix, after: begin)
    }

    func end() async {
        stop.signal()
        await thread.join()
    }

    private static func open() -> Int32 {
        // NETLINK_KOBJECT_UEVENT is 15; struct sockaddr_nl is the family, two bytes of padding, the port's id and the
        // groups, of which 1 is the kernel's.
        let descriptor = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 15)
        var address: [UInt32] = [UInt32(AF_NETLINK), 0, 1]
        let status = unsafe address.withUnsafeMutableBytes { bytes in
            unsafe bind(descriptor, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), 12)
        }
        precondition(status == 0, "no messages of the kernel: errno \(errno)")
        return descriptor
    }
}
