internal import NIOCore
internal import NIOPosix

/// The one thread of the process that serves the sockets to services. It begins with the first of them, and sleeps in
/// epoll without a timeout while they are silent.
enum ServiceEventLoop {
    static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
}
