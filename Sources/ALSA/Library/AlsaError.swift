internal import CAlsa
import Glibc
import Media

extension DeviceError {
    /// The error of an alsa-lib call.
    /// - `call`: its name: `snd_pcm_open`.
    /// - `device`: the PCM's or control's name.
    /// - `status`: what it returned, negative.
    /// - `inUse`: whether the device had been opened before, so that its absence means that it went away.
    static func alsa(_ call: String, _ device: String, status: Int32, inUse: Bool = true) -> DeviceError {
        let errno = -status
        let (code, advice) = meaning(of: errno, inUse: inUse)
        var reason = unsafe String(cString: snd_strerror(status))
        if let message = AlsaMessages.take() { reason += " (\(message))" }
        return DeviceError(
            code, operation: "\(call)(\(device))", device: device, reason: reason, errno: errno, advice: advice)
    }

    /// What it was that an open failed for: where there was no descriptor, the library says that there is no such device.
    var explained: DeviceError {
        let cause = DescriptorRoom.cause(of: self)
        // A file that it could not open then is an empty one for it from now on.
        if cause.errno == EMFILE { ALSAConfiguration.forget() }
        return cause
    }

    private static func meaning(of errno: Int32, inUse: Bool) -> (Code, String?) {
        switch errno {
        case ENODEV, ENXIO, ENOENT, ESHUTDOWN, EBADFD:
            inUse ? (.disconnected, "Plug it in again, or choose another device") : (.noDevice, nil)
        case EHOSTDOWN, ECONNREFUSED:
            (inUse ? .disconnected : .noDevice, "Start the sound server, or choose a card of its own")
        case EBUSY: (.busy, "Close the program that uses it, or choose another device")
        case EACCES, EPERM: (.permissionDenied, "Add the user to the group audio (sudo usermod -aG audio $USER)")
        case ENOSPC: (.noBandwidth, "Plug the device into another USB port")
        case EINVAL where !inUse: (.unsupported, nil)
        default: (.failed, nil)
        }
    }
}
