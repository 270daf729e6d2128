import Glibc
import Media

/// Opens, configures and starts one camera, wherever it is plugged in now.
///
/// - Thread: the camera's; it blocks in the driver.
struct CameraOpener: Sendable {
    let scanner: NodeScanner
    let cache: ModeCache
    let id: DeviceID
    /// Where it was last.
    let path: String

    private var kernel: any V4L2Kernel { scanner.kernel }

    /// Four: one that the driver fills, one that waits, two that are being converted and encoded.
    static let bufferCount = 4
    private static let busyPause = Duration.milliseconds(10)
    private static let mostAttempts = 8

    /// A camera that streams.
    struct Started: Sendable {
        var camera: ConfiguredCamera
        /// Just before the driver was started: nothing captured earlier is a frame of this stream.
        var at: MonotonicInstant
        var reused: Bool
    }

    /// Starts a camera that was kept warm.
    /// - Returns: nil where it cannot be started any more (it was unplugged meanwhile); it is closed then.
    func restart(_ warm: ConfiguredCamera, _ wakeup: Wakeup) -> Started? {
        let at = kernel.now()
        do throws(KernelError) {
            try warm.buffers.start(wakeup)
            return Started(camera: warm, at: at, reused: true)
        } catch {
            warm.close()
            return nil
        }
    }

    /// Opens and starts the camera, trying again while another program holds it.
    /// - `isCancelled`: asked between the steps; `wakeup` ends a pause.
    func start(
        _ target: VideoTarget, _ wakeup: Wakeup, isCancelled: () -> Bool
    ) throws(DeviceError) -> Started {
        let deadline = kernel.now() + target.busyRetry
        var node = try locate()
        while true {
            if isCancelled() { throw .cancelled(id.rawValue) }
            do throws(KernelError) {
                return try attempt(node, target, wakeup, isCancelled: isCancelled)
            } catch {
                if isCancelled() { throw .cancelled(id.rawValue) }
                guard error.code == EBUSY, kernel.now() < deadline else { throw failure(error, at: node.path) }
            }
            // A signal of the wake-up means: look whether it was cancelled.
            if let result = try? kernel.wait(nil, wakeup, Self.busyPause), result.contains(.woken) { wakeup.drain() }
            node = try locate()
        }
    }

    /// Finds the camera's node: nodes are numbered anew when cameras are plugged.
    func locate() throws(DeviceError) -> CameraNode {
        var refusal: KernelError?
        do throws(KernelError) {
            if let node = try scanner.inspect(path), node.id == id { return node }
        } catch {
            refusal = error
        }
        // Other nodes are looked at only where the path is free or another's: they may be slow to open.
        if let refusal, refusal.code == EBUSY || refusal.code == EACCES { throw failure(refusal, at: path) }
        for other in scanner.paths where other != path {
            if let node = try? scanner.inspect(other), node.id == id { return node }
        }
        throw refusal.map { failure($0, at: path) }
            ?? DeviceError(
                .noDevice, operation: "open(\(path))", device: id.rawValue, reason: "the camera is not there",
                advice: "Plug it in, or choose another")
    }

    private func failure(_ error: KernelError, at path: String) -> DeviceError {
        let holder = error.code == EBUSY ? DeviceHolder.all(of: path).first : nil
        return DeviceError(error, device: id.rawValue, holder: holder)
    }

    /// One try at one node.
    private func attempt(
        _ node: CameraNode, _ target: VideoTarget, _ wakeup: Wakeup, isCancelled: () -> Bool
    ) throws(KernelError) -> Started {
        let descriptor = try kernel.open(node.path)
        do throws(KernelError) {
            var room = BusRoom()
            if let started = try startProven(node, descriptor, target, &room, wakeup) { return started }
            return try startNegotiated(node, descriptor, target, room, wakeup, isCancelled: isCancelled)
        } catch {
            kernel.close(descriptor)
            throw error
        }
    }

    /// What the bus refused in this attempt.
    private struct BusRoom {
        private(set) var most = Double.infinity
        var isShort: Bool { most < .infinity }

        /// It has no room for so many bytes a second, and hardly for a little less.
        mutating func refused(_ bytes: Double) { most = bytes * 0.7 }
    }

    /// The mode that streamed last: the driver is only asked whether it still has it, which costs no traffic on the bus.
    private func startProven(
        _ node: CameraNode, _ descriptor: Int32, _ target: VideoTarget, _ room: inout BusRoom, _ wakeup: Wakeup
    ) throws(KernelError) -> Started? {
        guard let proven = cache.proven(of: node, for: target),
            let layout = try? kernel.currentFormat(descriptor, node.api), layout == proven.layout,
            let interval = try? kernel.currentInterval(descriptor, node.api), interval == proven.interval
        else { return nil }
        do throws(KernelError) {
            return try stream(node, descriptor, target, layout, interval, isReduced: false, wakeup)
        } catch {
            guard error.code == ENOSPC else { throw error }
            // No room on the bus for it today: smaller modes may do.
            let choice = StreamChoice(
                format: layout.format, width: layout.width, height: layout.height, interval: interval)
            room.refused(choice.bytesPerSecond)
            return nil
        }
    }

    private func startNegotiated(
        _ node: CameraNode, _ descriptor: Int32, _ target: VideoTarget, _ room: BusRoom, _ wakeup: Wakeup,
        isCancelled: () -> Bool
    ) throws(KernelError) -> Started {
        var room = room
        let table = try cache.table(of: node, kernel, descriptor)
        var lastError = KernelError("VIDIOC_ENUM_FMT", EINVAL)
        var attempts = 0
        for choice in Negotiation.rank(table, for: target, isUSB: node.isUSB)
        where choice.bytesPerSecond <= room.most {
            attempts += 1
            if attempts > Self.mostAttempts || isCancelled() { break }
            do throws(KernelError) {
                let layout = try kernel.setFormat(
                    descriptor, node.api, choice.format, width: choice.width, height: choice.height)
                guard layout.format.delivery != nil, layout.width > 0, layout.height > 0 else { continue }
                let interval = try rate(node, descriptor, choice, target)
                if let started = try stream(
                    node, descriptor, target, layout, interval, isReduced: room.isShort, wakeup)
                {
                    // What a full bus had room for is not what the next start begins with.
                    if !room.isShort {
                        cache.keep(ModeCache.Proven(target: target, layout: layout, interval: interval), of: node)
                    }
                    return started
                }
            } catch {
                lastError = error
                switch error.code {
                case ENOSPC: room.refused(choice.bytesPerSecond)
                case EINVAL where error.call == "VIDIOC_S_FMT": break
                default: throw error
                }
            }
        }
        throw lastError
    }

    /// Sets the rate, where the driver has one.
    private func rate(
        _ node: CameraNode, _ descriptor: Int32, _ choice: StreamChoice, _ target: VideoTarget
    ) throws(KernelError) -> Fraction? {
        let wanted =
            choice.interval ?? Fraction(1_000, UInt32(clamping: Int((target.framesPerSecond * 1_000).rounded())))
        return try kernel.setInterval(descriptor, node.api, wanted) ?? choice.interval
    }

    private func stream(
        _ node: CameraNode, _ descriptor: Int32, _ target: VideoTarget, _ layout: BufferLayout,
        _ interval: Fraction?, isReduced: Bool, _ wakeup: Wakeup
    ) throws(KernelError) -> Started? {
        let buffers = try CameraBuffers(
            kernel, descriptor, node.api, count: Self.bufferCount, planes: layout.planes.count)
        let camera = ConfiguredCamera(
            kernel, descriptor, node, target, layout, interval, isReduced: isReduced, buffers)
        guard let camera else {
            buffers.retire()
            return nil
        }
        do throws(KernelError) {
            let at = kernel.now()
            try buffers.start(wakeup)
            return Started(camera: camera, at: at, reused: false)
        } catch {
            buffers.retire()
            throw error
        }
    }
}
