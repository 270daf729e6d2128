import Glibc
public import Media
import Synchronization

/// The cameras of this machine.
///
/// A camera is one object as long as this object lives: a handle that was kept warm is found again under the same id.
///
/// - Thread: any. Calls that block in a driver run on threads of their own.
/// - Source: Linux's V4L2 interface (Documentation/userspace-api/media/v4l).
public final class V4L2Devices: VideoDevices {
    private let scanner: NodeScanner
    private let cache = ModeCache()
    private let known = Mutex<[DeviceID: V4L2Camera]>([:])

    public init() { scanner = NodeScanner(kernel: LinuxV4L2Kernel()) }

    init(_ scanner: NodeScanner) { self.scanner = scanner }

    /// The cameras that capture pictures, in the order of their nodes, the first being the default; metadata, output and
    /// codec nodes left out, and nodes that cannot be read now.
    /// - Throws: `.permissionDenied` where there are nodes and none may be opened.
    public func devices() async throws(DeviceError) -> [VideoDeviceInfo] {
        // A look at all cameras takes long: it stands back for a device that is started meanwhile.
        try await onDeviceThread("cameras", niceness: 5) { () throws(DeviceError) in
            var infos: [VideoDeviceInfo] = []
            var refusal: DeviceError?
            for path in self.scanner.paths {
                do throws(KernelError) {
                    guard let (node, modes) = try self.inspect(path) else { continue }
                    infos.append(node.info(modes, isDefault: infos.isEmpty))
                } catch {
                    let failure = DeviceError(error, device: path)
                    if failure.code == .permissionDenied { refusal = failure }
                }
            }
            if infos.isEmpty, let refusal { throw refusal }
            return infos
        }
    }

    /// The camera with an id or at a path (`/dev/video2`, `/dev/v4l/by-id/…`).
    /// - Throws: `.noDevice`, naming the known ones, also for a path that is no camera; `.permissionDenied`; `.busy`
    ///   where the driver lets nobody else open it.
    public func device(_ id: DeviceID) async throws(DeviceError) -> any VideoDevice {
        if let camera = known.withLock({ $0[id] }) { return camera }
        return try await onDeviceThread("cameras") { () throws(DeviceError) in
            id.rawValue.hasPrefix("/") ? try self.camera(at: id.rawValue) : try self.camera(withID: id)
        }
    }

    /// What a video node is and whether it can be used now.
    public struct NodeReport: Sendable, Hashable {
        public enum Availability: Sendable, Hashable {
            case free
            /// Another program streams from it, or has claimed it; nil: it is not ours to see which.
            case busy(DeviceHolder?)
            /// It cannot be opened: `.permissionDenied` for most users who see this.
            case unusable(DeviceError)
        }

        /// `/dev/video0`.
        public var path: String
        /// Nil where it cannot be opened.
        public var id: DeviceID?
        /// The camera's name.
        public var name: String
        public var availability: Availability
    }

    /// Looks at each camera node for `reprise devices` and `reprise doctor`. Takes no picture and changes nothing.
    public func survey() async -> [NodeReport] {
        let result = try? await onDeviceThread("cameras") { () throws(DeviceError) in
            self.scanner.paths.compactMap { self.report(on: $0) }
        }
        return result ?? []
    }

    // MARK: On a device thread

    private func inspect(_ path: String) throws(KernelError) -> (CameraNode, ModeTable)? {
        let kernel = scanner.kernel
        let descriptor = try kernel.open(path)
        defer { kernel.close(descriptor) }
        guard let node = try scanner.inspect(path, descriptor) else { return nil }
        return (node, try cache.table(of: node, kernel, descriptor))
    }

    private func camera(at path: String) throws(DeviceError) -> V4L2Camera {
        let path = resolved(path)
        do throws(KernelError) {
            if let (node, modes) = try inspect(path) { return remember(node, modes) }
        } catch {
            switch error.code {
            case ENOTTY, EISDIR: throw DeviceError.notACamera(path, "it is no V4L2 device")
            case ENOENT, ENXIO, ENODEV: throw unknown(DeviceID(path), systemMessage(error.code))
            default: throw DeviceError(error, device: path, holder: DeviceHolder.all(of: path).first)
            }
        }
        throw .notACamera(path, "the node captures no pictures (it is for metadata, output or a codec)")
    }

    private func camera(withID id: DeviceID) throws(DeviceError) -> V4L2Camera {
        var refusal: DeviceError?
        for path in scanner.paths {
            do throws(KernelError) {
                if let (node, modes) = try inspect(path), node.id == id { return remember(node, modes) }
            } catch {
                let failure = DeviceError(error, device: path)
                if failure.code == .permissionDenied { refusal = failure }
            }
        }
        // The camera may be one of those that cannot be looked at.
        throw refusal ?? unknown(id, "there is no such camera")
    }

    private func remember(_ node: CameraNode, _ modes: ModeTable) -> V4L2Camera {
        known.withLock { known in
            if let camera = known[node.id] { return camera }
            let first = scanner.paths.first { (try? scanner.inspect($0)) ?? nil != nil }
            let camera = V4L2Camera(
                scanner, cache, node.info(modes, isDefault: node.path == first), path: node.path)
            known[node.id] = camera
            return camera
        }
    }

    private func unknown(_ id: DeviceID, _ reason: String) -> DeviceError {
        let names = scanner.paths.compactMap { path -> String? in
            guard let node = try? scanner.inspect(path) else { return nil }
            return "\(node.id) (\(node.capability.card), \(path))"
        }
        let advice = names.isEmpty ? "There is no camera here" : "There are \(names.joined(separator: "; "))"
        return DeviceError(
            .noDevice, operation: "camera", device: id.rawValue, reason: "\(id): \(reason)", advice: advice)
    }

    private func report(on path: String) -> NodeReport? {
        let kernel = scanner.kernel
        let place = SysfsPlace(sys: scanner.sys, node: String(path.split(separator: "/").last ?? ""))
        var report = NodeReport(path: path, name: place.name ?? path, availability: .free)
        do throws(KernelError) {
            let descriptor = try kernel.open(path)
            defer { kernel.close(descriptor) }
            guard let node = try scanner.inspect(path, descriptor) else { return nil }
            report.id = node.id
            report.name = node.capability.card
            // Asking for no buffers changes nothing, and is refused where another program has some.
            _ = try kernel.requestBuffers(descriptor, node.api, count: 0)
        } catch {
            if error.code == EBUSY {
                report.availability = .busy(DeviceHolder.all(of: path).first)
            } else if error.code == ENOTTY {
                return nil
            } else {
                report.availability = .unusable(DeviceError(error, device: report.id?.rawValue ?? path))
            }
        }
        return report
    }

    private func resolved(_ path: String) -> String {
        guard let real = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }
}

/// Runs what blocks in a driver on a thread of its own: the concurrency pool has few, and all wait for them.
func onDeviceThread<Value: Sendable>(
    _ name: String, niceness: Int = 0, _ body: @escaping @Sendable () throws(DeviceError) -> Value
) async throws(DeviceError) -> Value {
    let result = ResultBox<Value>()
    await DeviceThread(name: name, niceness: niceness) { _ in result.set(Result(catching: body)) }.join()
    return try result.get()
}

private final class ResultBox<Value: Sendable>: Sendable {
    private let value = Mutex<Result<Value, DeviceError>?>(nil)

    func set(_ result: Result<Value, DeviceError>) { value.withLock { $0 = result } }

    func get() throws(DeviceError) -> Value {
        guard let result = value.withLock({ $0 }) else { preconditionFailure("the thread has ended") }
        return try result.get()
    }
}
