import CV4L2
import Glibc
import Media

/// One camera as a driver and sysfs describe it.
struct CameraNode: Sendable, Hashable {
    /// `/dev/video0`: may change with the next boot or plug.
    var path: String
    /// The bus path and the function there: stays.
    var id: DeviceID
    var capability: NodeCapability
    var direction: CameraDirection

    /// What the format table of this camera hangs on.
    var signature: String { "\(capability.driver) \(capability.card) \(capability.version)" }

    var api: BufferAPI { capability.bufferAPI ?? .singlePlanar }
    var isUSB: Bool { capability.bus.hasPrefix("usb-") }

    func info(_ modes: ModeTable, isDefault: Bool) -> VideoDeviceInfo {
        VideoDeviceInfo(
            id: id, name: capability.card, bus: capability.bus, direction: direction, isDefault: isDefault,
            modes: modes.list)
    }
}

extension NodeCapability {
    /// The interface by which a node captures pictures to memory; nil: it is no camera (metadata, output, a codec).
    var bufferAPI: BufferAPI? {
        let all = Int64(flags)
        let others = [
            V4L2_CAP_VIDEO_M2M, V4L2_CAP_VIDEO_M2M_MPLANE, V4L2_CAP_VIDEO_OUTPUT, V4L2_CAP_VIDEO_OUTPUT_MPLANE,
            V4L2_CAP_TOUCH,
        ]
        guard all & Int64(V4L2_CAP_STREAMING) != 0, !others.contains(where: { all & Int64($0) != 0 }) else {
            return nil
        }
        if all & Int64(V4L2_CAP_VIDEO_CAPTURE) != 0 { return .singlePlanar }
        if all & Int64(V4L2_CAP_VIDEO_CAPTURE_MPLANE) != 0 { return .multiPlanar }
        return nil
    }
}

/// Finds the cameras of the machine.
struct NodeScanner: Sendable {
    let kernel: any V4L2Kernel
    /// `/dev` and `/sys`, others in tests.
    var dev = "/dev"
    var sys = "/sys"

    /// The paths of all V4L2 video nodes, in the order of their numbers.
    var paths: [String] {
        directory(dev).compactMap { name in name.hasPrefix("video") ? Int(name.dropFirst(5)) : nil }.sorted()
            .map { "\(dev)/video\($0)" }
    }

    /// What a node is; nil where it is no camera.
    /// - Throws: what the kernel says to opening it.
    func inspect(_ path: String) throws(KernelError) -> CameraNode? {
        let descriptor = try kernel.open(path)
        defer { kernel.close(descriptor) }
        return try inspect(path, descriptor)
    }

    func inspect(_ path: String, _ descriptor: Int32) throws(KernelError) -> CameraNode? {
        let capability = try kernel.capability(descriptor)
        guard capability.bufferAPI != nil else { return nil }
        let place = SysfsPlace(sys: sys, node: String(path.split(separator: "/").last ?? ""))
        return CameraNode(
            path: path, id: Self.id(path, capability, place), capability: capability,
            direction: Self.direction(
                orientation: orientation(descriptor), name: capability.card, bus: capability.bus,
                removable: place.removable))
    }

    /// The bus path and the function there. Two cameras of one USB device differ by interface, two nodes of one
    /// interface by index.
    static func id(_ path: String, _ capability: NodeCapability, _ place: SysfsPlace) -> DeviceID {
        guard !capability.bus.isEmpty else { return DeviceID(path) }
        let function = [place.interface, place.index].compactMap { $0 }.map { "/\($0)" }.joined()
        return DeviceID(capability.bus + function)
    }

    /// V4L2_CID_CAMERA_ORIENTATION, where the driver has it.
    private func orientation(_ descriptor: Int32) -> Int64? {
        let id = UInt32(V4L2_CID_CAMERA_CLASS_BASE) + 34
        guard let control = try? kernel.control(descriptor, after: id - 1), control.id == id else { return nil }
        return try? kernel.value(descriptor, of: control)
    }

    /// Which way a camera looks, by the best that is known of it.
    /// - `orientation`: V4L2_CID_CAMERA_ORIENTATION: 0 front, 1 back, 2 external.
    /// - `removable`: what the USB hub says of the port: `fixed`, `removable`, `unknown`.
    static func direction(orientation: Int64?, name: String, bus: String, removable: String?) -> CameraDirection {
        switch orientation {
        case 0: return .front
        case 1: return .back
        case 2: return .external
        default: break
        }
        let words = Set(name.lowercased().split { !$0.isLetter })
        if !words.isDisjoint(with: ["rear", "back", "world"]) { return .back }
        if !words.isDisjoint(with: ["front", "integrated", "internal", "builtin", "facetime", "user"]) {
            return .front
        }
        guard bus.hasPrefix("usb-") else { return .unknown }
        return removable == "fixed" ? .front : .external
    }
}

/// What sysfs tells of a video node.
struct SysfsPlace {
    /// The node's number among those of its parent.
    var index: String?
    /// The USB interface, as `configuration.interface`: `1.0`.
    var interface: String?
    var removable: String?
    /// The driver's name for the node, readable without opening it.
    var name: String?

    init(sys: String, node: String) {
        let folder = "\(sys)/class/video4linux/\(node)"
        index = firstLine(of: "\(folder)/index")
        name = firstLine(of: "\(folder)/name")
        removable = firstLine(of: "\(folder)/device/../removable")
        // …/usb1/1-3/1-3:1.0
        let parent = linkTarget("\(folder)/device")?.split(separator: "/").last ?? ""
        let parts = parent.split(separator: ":")
        if parts.count == 2, parts[1].contains("."), parts[0].contains("-") { interface = String(parts[1]) }
    }
}
