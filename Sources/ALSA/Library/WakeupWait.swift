internal import CAlsa
import Glibc
import Media

extension Wakeup {
    /// Waits for the signal and takes it back.
    func waitUntilSignalled() {
        var descriptor = pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0)
        _ = unsafe alsa_poll(&descriptor, 1, -1)
        drain()
    }
}
