internal import WebRTC

/// The one thread of the process that serves the sockets of media. It begins with the first call, and sleeps without a
/// timeout while there is none.
enum SharedNetworkLoop {
    static let loop = NetworkLoop()
}
