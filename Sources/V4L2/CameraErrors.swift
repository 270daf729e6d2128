import Glibc
import Media

extension DeviceError {
    /// A request that a camera's driver refused.
    /// - `device`: the camera's id or path.
    /// - `holder`: who holds it, where that is known.
    init(_ error: KernelError, device: String, holder: DeviceHolder? = nil) {
        let isOpen = error.call.hasPrefix("open(")
        var reason = systemMessage(error.code)
        var advice: String?
        let code: Code
        switch error.code {
        case ENOENT, ENXIO, ENODEV:
            code = isOpen ? .noDevice : .disconnected
            advice = isOpen ? nil : "Plug it in again"
        case EISDIR:
            code = .noDevice
            advice = "Give a camera's id or /dev/videoN"
        case EACCES, EPERM:
            code = .permissionDenied
            advice = "Add the user to the group video (sudo usermod -aG video $USER) and log in again"
        case EBUSY:
            code = .busy
            if let holder { reason += "; held by \(holder)" }
            advice = "Close the program that uses it, or choose another camera"
        case ENOSPC:
            code = .noBandwidth
            reason = "the USB bus has no room for the stream"
            advice = "Use a smaller size, or plug the camera into a port of another USB controller"
        case EMFILE, ENFILE:
            code = .failed
            advice = DescriptorRoom.advice
        case EINVAL where error.call == "VIDIOC_S_FMT": code = .unsupported
        default: code = .failed
        }
        self.init(
            code, operation: error.call, device: device, reason: reason, errno: error.code, advice: advice)
    }

    static func cancelled(_ device: String) -> DeviceError {
        DeviceError(.cancelled, operation: "start", device: device, reason: "the start was cancelled")
    }

    /// A path that is no camera: a file, a terminal, a metadata node.
    static func notACamera(_ path: String, _ reason: String) -> DeviceError {
        DeviceError(
            .noDevice, operation: "open(\(path))", device: path, reason: reason,
            advice: "Give a camera's id or /dev/videoN")
    }
}

/// The kernel's words for an errno. (glibc's strerror may be called on several threads since 2.32.)
func systemMessage(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
