import Media
import RTP
import Synchronization

/// A connection's engine under its lock, and its place in the loop.
///
/// Callers' threads and the loop's thread enter the engine under one short lock; what is to be told is told on the loop's thread
/// with the lock released. The engine's lock is taken before the poller's, never after.
final class PeerConnectionCore: SocketHandler, TimerHandler {
    private struct State {
        var engine: PeerEngine
        var watched: [(descriptor: Int32, base: Int, token: SocketPoller.Token)] = []
        var timer: SocketPoller.Token?
        /// What the timer is set to.
        var scheduled: MonotonicInstant?
        var isTelling = false
    }

    private let poller: SocketPoller
    private let state: Mutex<State>
    private let onEvent: @Sendable (PeerConnectionEvent) -> Void
    private let onPacket: @Sendable (String, RTPPacket) -> Void

    init(
        _ configuration: PeerConnectionConfiguration, onEvent: @escaping @Sendable (PeerConnectionEvent) -> Void,
        onPacket: @escaping @Sendable (String, RTPPacket) -> Void
    ) throws(PeerConnectionError) {
        poller = configuration.loop.poller
        self.onEvent = onEvent
        self.onPacket = onPacket
        state = Mutex(State(engine: PeerEngine(configuration)))
        try openSockets(configuration)
    }

    private func openSockets(_ configuration: PeerConnectionConfiguration) throws(PeerConnectionError) {
        let interfaces = NetworkInterface.all().filter { interface in
            interface.address.isLoopback
                ? configuration.includesLoopback || configuration.isLoopbackOnly : !configuration.isLoopbackOnly
        }
        let now = MonotonicInstant.now()
        try state.withLock { state throws(PeerConnectionError) in
            state.timer = poller.addTimer(self)
            for (base, interface) in interfaces.enumerated() {
                let socket = try UDPSocket(interface.address)
                guard let token = poller.add(socket.descriptor, handler: self) else {
                    throw PeerConnectionError(.socketFailed, "epoll_ctl refused a socket")
                }
                state.watched.append((socket.descriptor, base, token))
                state.engine.sockets[base] = socket
                state.engine.ice.addBase(
                    base, address: socket.address, preference: interface.address.isLoopback ? 1 : 255, now: now)
            }
            state.engine.pump(now: now)
        }
    }

    // MARK: Callers' threads

    /// Has the engine do something on the caller's thread.
    func perform<Value>(
        _ body: (inout PeerEngine, MonotonicInstant) throws(PeerConnectionError) -> sending Value
    ) throws(PeerConnectionError) -> Value {
        let now = MonotonicInstant.now()
        var hasNews = false
        defer { if hasNews { poller.run { self.tell() } } }
        return try state.withLock { state throws(PeerConnectionError) in
            defer {
                reschedule(&state)
                hasNews = !state.engine.outbox.isEmpty
            }
            return try body(&state.engine, now)
        }
    }

    func send(_ packet: RTPPacket, mid: String) {
        let now = MonotonicInstant.now()
        let hasNews = state.withLock { state in
            state.engine.send(packet, mid: mid, now: now)
            reschedule(&state)
            return !state.engine.outbox.isEmpty
        }
        if hasNews { poller.run { self.tell() } }
    }

    func close() async {
        await withCheckedContinuation { continuation in
            poller.run {
                self.closeOnLoop()
                continuation.resume()
            }
        }
    }

    /// Closes without waiting; what happens is not told.
    func abandon() { poller.run { self.closeOnLoop(isTold: false) } }

    // MARK: The loop's thread

    func socketIsReady(_ descriptor: Int32, readable: Bool, writable: Bool, batch: DatagramBatch) {
        let count = batch.receive(from: descriptor)
        guard count > 0 else { return }
        let now = MonotonicInstant.now()
        state.withLock { state in
            guard let base = state.watched.first(where: { $0.descriptor == descriptor })?.base else { return }
            state.engine.receive(batch, count: count, on: base, now: now)
            reschedule(&state)
        }
        tell()
    }

    func timerFired(now: MonotonicInstant) {
        state.withLock { state in
            state.scheduled = nil
            state.engine.handleTimeout(now: now)
            reschedule(&state)
        }
        tell()
    }

    private func tell() {
        while true {
            var outbox = Outbox()
            state.withLock { swap(&$0.engine.outbox, &outbox) }
            guard !outbox.isEmpty else { return }
            for event in outbox.events { onEvent(event) }
            for (mid, packet) in outbox.packets { onPacket(mid, packet) }
            outbox.removeAll()
            // The storage is used again; what came meanwhile stays.
            state.withLock { if $0.engine.outbox.isEmpty { swap(&$0.engine.outbox, &outbox) } }
        }
    }

    private func closeOnLoop(isTold: Bool = true) {
        let now = MonotonicInstant.now()
        state.withLock { state in
            for watched in state.watched { poller.remove(watched.token) }
            state.watched = []
            state.engine.close(now: now)
            if let timer = state.timer.take() { poller.removeTimer(timer) }
            if !isTold { state.engine.outbox = Outbox() }
        }
        tell()
    }

    private func reschedule(_ state: inout State) {
        guard let timer = state.timer, let deadline = state.engine.deadline else { return }
        // One that moved away is found out when it fires.
        if let scheduled = state.scheduled, scheduled <= deadline { return }
        state.scheduled = deadline
        poller.schedule(timer, at: deadline)
    }
}
