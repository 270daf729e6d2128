import ALSA
import HotPlug
public import Media
import ScreenCapture
import V4L2

extension DeviceSystem {
    /// The devices of this machine: ALSA's microphones and speakers, V4L2's cameras, the monitors and windows of the X
    /// server.
    ///
    /// Each use makes new objects, which know nothing of what others keep warm: pass one system to all clients that are
    /// to share it.
    public static var machine: DeviceSystem {
        DeviceSystem(
            audio: ALSADevices(), cameras: V4L2Devices(), screens: X11Screens(),
            watch: MachineWatch(others: [{ CardControls() }]))
    }
}
