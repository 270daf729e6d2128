import CLinux
import Media
import Synchronization

/// Who is told that this machine's addresses may have changed, on the poller's thread.
protocol InterfaceObserver: AnyObject, Sendable {
    func interfacesChanged()
}

/// Watches the machine's links and addresses by netlink, and tells once a flurry of changes is over.
final class InterfaceWatch: SocketHandler, TimerHandler {
    private struct State {
        var observers: [ObjectIdentifier: any InterfaceObserver] = [:]
        var socket: (descriptor: Int32, token: SocketPoller.Token)?
        var timer: SocketPoller.Token?
    }

    private let poller: SocketPoller
    private let state = Mutex(State())

    init(_ poller: SocketPoller) { self.poller = poller }

    func add(_ observer: any InterfaceObserver) {
        state.withLock { state in
            state.observers[ObjectIdentifier(observer)] = observer
            open(&state)
        }
    }

    /// The last observer's going closes the socket.
    func remove(_ observer: any InterfaceObserver) {
        state.withLock { state in
            state.observers.removeValue(forKey: ObjectIdentifier(observer))
            guard state.observers.isEmpty, let socket = state.socket.take() else { return }
            poller.remove(socket.token)
            _ = linux_close(socket.descriptor)
            if let timer = state.timer.take() { poller.removeTimer(timer) }
        }
    }

    private func open(_ state: inout State) {
        guard state.socket == nil else { return }
        let descriptor = linux_route_socket()
        guard descriptor >= 0 else { return }
        guard let token = poller.add(descriptor, handler: self) else {
            _ = linux_close(descriptor)
            return
        }
        state.socket = (descriptor, token)
        state.timer = poller.addTimer(self)
    }

    func socketIsReady(_ descriptor: Int32, readable: Bool, writable: Bool, batch: DatagramBatch) {
        // What changed does not matter: the list of addresses is read anew. An overrun says that something did, too.
        while batch.receive(from: descriptor) == batch.capacity {}
        state.withLock { state in
            if let timer = state.timer { poller.schedule(timer, at: .now() + Self.settling) }
        }
    }

    func timerFired(now: MonotonicInstant) {
        let observers = state.withLock { Array($0.observers.values) }
        for observer in observers { observer.interfacesChanged() }
    }

    /// An address is announced some ten milliseconds after its link.
    private static let settling = Duration.milliseconds(50)
}
