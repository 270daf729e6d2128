/// One thread that serves the sockets and timers of any number of connections.
public final class NetworkLoop: Sendable {
    /// Starts the thread.
    /// - `name`: of the thread, at most 15 bytes.
    public init(name: String = "network") {}

    /// Ends the thread, after the connections are closed.
    public func close() async {}
}
