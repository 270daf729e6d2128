internal import CAlsa
import Glibc
import Media

/// A program that holds a device.
public struct DeviceOccupant: Sendable, Hashable, CustomStringConvertible {
    /// The name of its executable, as `ps -o comm` shows it.
    public var name: String
    public var pid: Int32

    public init(name: String, pid: Int32) {
        self.name = name
        self.pid = pid
    }

    public var description: String { "\(name) (pid \(pid))" }
}

/// Whether a device can be opened now.
public enum DeviceOccupancy: Sendable, Hashable {
    case free
    /// In use; by whom, where /proc tells.
    case busy([DeviceOccupant])
}

/// Finds out who holds a PCM: the kernel names the owner of each substream, and /proc shows who has the node open.
enum Occupants {
    /// The occupants of a PCM; empty where there are none, or where nothing can be told.
    static func of(pcm name: String, _ direction: AudioDirection) -> [DeviceOccupant] {
        guard let hardware = HardwarePCM(name: name) else { return [] }
        let owners = hardware.substreamStates(direction).compactMap(\.owner).map(process)
        return owners.isEmpty ? holders(ofFile: hardware.node(direction)) : unique(owners)
    }

    /// The busy error of an open, with who it is.
    static func named(in error: DeviceError, pcm name: String) -> DeviceError {
        let occupants = unique(AudioDirection.allCases.flatMap { of(pcm: name, $0) })
        guard !occupants.isEmpty else { return error }
        var named = error
        named.reason += "; held by " + occupants.map(\.description).joined(separator: ", ")
        return named
    }

    /// The processes that have a file open, of those that this user may look at.
    static func holders(ofFile path: String) -> [DeviceOccupant] {
        unique(
            Directory.entries("/proc").compactMap(Int32.init).filter { pid in
                Directory.entries("/proc/\(pid)/fd").contains { Directory.link("/proc/\(pid)/fd/\($0)") == path }
            }.map(process))
    }

    private static func process(_ pid: Int32) -> DeviceOccupant {
        let name = Directory.line("/proc/\(pid)/comm") ?? "a process"
        return DeviceOccupant(name: name, pid: pid)
    }

    private static func unique(_ occupants: [DeviceOccupant]) -> [DeviceOccupant] {
        var seen = Set<Int32>()
        return occupants.filter { seen.insert($0.pid).inserted }
    }
}

/// A PCM of a card, with its place in /proc and /dev.
struct HardwarePCM: Hashable {
    var card: Int
    var device: Int

    init(card: Int, device: Int) {
        self.card = card
        self.device = device
    }

    /// The card and device of a PCM name like `hw:CARD=USB,DEV=0`, `plughw:0,0`, `sysdefault:USB`; nil for names that
    /// do not say one, and for cards that are not there.
    init?(name: String) {
        guard let arguments = PCMName(name).arguments, let card = arguments.card else { return nil }
        let index = unsafe snd_card_get_index(card)
        guard index >= 0 else { return nil }
        self.init(card: Int(index), device: arguments.device)
    }

    func node(_ direction: AudioDirection) -> String {
        "/dev/snd/pcmC\(card)D\(device)\(direction == .capture ? "c" : "p")"
    }

    /// The substreams' states, from /proc/asound.
    func substreamStates(_ direction: AudioDirection) -> [(isOpen: Bool, owner: Int32?)] {
        let folder = "/proc/asound/card\(card)/pcm\(device)\(direction == .capture ? "c" : "p")"
        return Directory.entries(folder).filter { $0.hasPrefix("sub") }.compactMap { substream in
            guard let status = Directory.text("\(folder)/\(substream)/status") else { return nil }
            let owner = status.split(separator: "\n").first { $0.hasPrefix("owner_pid") }
                .flatMap { $0.split(separator: ":").last }
                .flatMap { Int32($0.filter(\.isNumber)) }
            return (!status.hasPrefix("closed"), owner)
        }
    }
}
