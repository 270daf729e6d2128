import Glibc
import Media
import Testing

/// Blocks the calling thread until there is a signal, and takes it.
func waitUntilSignalled(_ wakeup: Wakeup) {
    var set = pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0)
    while !wakeup.drain() { _ = unsafe poll(&set, 1, -1) }
}

@Suite("Wakeup", .timeLimit(.minutes(1)))
struct WakeupTests {
    @Test("signals add up to one, which drain takes back")
    func drain() {
        let wakeup = Wakeup()
        #expect(!wakeup.drain())
        wakeup.signal()
        wakeup.signal()
        #expect(wakeup.drain())
        #expect(!wakeup.drain())
    }

    @Test("a thread in poll wakes up")
    func wakes() async {
        let wakeup = Wakeup()
        let thread = DeviceThread(name: "sleeper") { _ in waitUntilSignalled(wakeup) }
        wakeup.signal()
        await thread.join()
    }

    @Test("descriptors are closed and not inherited")
    func descriptors() {
        // More than a process may have open at once, where they leaked.
        var highest: Int32 = 0
        for _ in 0..<20_000 { highest = max(highest, Wakeup().descriptor) }
        #expect(highest < 10_000)
        let wakeup = Wakeup()
        #expect(fcntl(wakeup.descriptor, F_GETFD) & FD_CLOEXEC != 0)
    }
}
