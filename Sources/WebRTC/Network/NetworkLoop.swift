import CLinux
import Media
import Synchronization

/// One thread that serves the sockets and timers of any number of connections.
///
/// Close the connections first: a loop that has ended tells them nothing any more.
public final class NetworkLoop: Sendable {
    let poller: SocketPoller
    let resolver: NameResolver
    let interfaces: InterfaceWatch
    private let thread: DeviceThread

    /// Starts the thread.
    /// - `name`: of the thread, at most 15 bytes.
    public init(name: String = "network") {
        let poller = SocketPoller()
        self.poller = poller
        resolver = NameResolver(poller)
        interfaces = InterfaceWatch(poller)
        thread = DeviceThread(name: name) { _ in
            // What costs milliseconds at its first use: while the application still talks to its service.
            SRTPLibrary.start()
            _ = DTLSContext.shared
            poller.run()
        }
    }

    deinit { poller.stop() }

    /// Ends the thread and waits for it. Idempotent.
    public func close() async {
        poller.stop()
        await thread.join()
    }
}
