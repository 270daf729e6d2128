import Media
import RTP
import Synchronization

/// A connection's engine under its lock, and its place in the loop.
///
/// Callers' threads and the loop's thread enter the engine under one short lock; what is to be told is told on the loop's thread
/// with the lock released. The engine's lock is taken before the poller's, never after.
final class PeerConnectionCore: SocketHandler, TimerHandler, InterfaceObserver {
    private struct Watched {
        enum Owner: Hashable {
            /// A socket on an address of this machine.
            case base(Int, NetworkInterface)
            /// A stream to a TURN server.
            case stream(Int)
        }

        var descriptor: Int32
        var owner: Owner
        var token: SocketPoller.Token
        var isWritableWatched = false
        /// Keeps the descriptor until it is no longer watched.
        var stream: StreamConnection?
    }

    private struct State {
        var engine: PeerEngine
        var watched: [Watched] = []
        var nextBase = 0
        var timer: SocketPoller.Token?
        /// What the timer is set to.
        var scheduled: MonotonicInstant?
    }

    private let loop: NetworkLoop
    private let usesLoopback: Bool
    private let isLoopbackOnly: Bool
    private let state: Mutex<State>
    private let onEvent: @Sendable (PeerConnectionEvent) -> Void
    private let onPacket: @Sendable (String, RTPPacket) -> Void

    init(
        _ configuration: PeerConnectionConfiguration, onEvent: @escaping @Sendable (PeerConnectionEvent) -> Void,
        onPacket: @escaping @Sendable (String, RTPPacket) -> Void
    ) throws(PeerConnectionError) {
        loop = configuration.loop
        usesLoopback = configuration.includesLoopback || configuration.isLoopbackOnly
        isLoopbackOnly = configuration.isLoopbackOnly
        self.onEvent = onEvent
        self.onPacket = onPacket
        state = Mutex(State(engine: PeerEngine(configuration)))
        state.withLock { $0.timer = poller.addTimer(self) }
        try openSockets()
        if !isLoopbackOnly { loop.interfaces.add(self) }
    }

    private var poller: SocketPoller { loop.poller }

    private func openSockets() throws(PeerConnectionError) {
        let interfaces = usableInterfaces()
        let now = MonotonicInstant.now()
        try state.withLock { state throws(PeerConnectionError) in
            var failure: PeerConnectionError?
            for interface in interfaces {
                // An address that IPv6 still looks for duplicates of refuses its socket; it comes as a change later.
                do throws(PeerConnectionError) { try open(interface, &state, now: now) } catch { failure = error }
            }
            if state.watched.isEmpty, let failure { throw failure }
            settle(&state)
        }
    }

    private func usableInterfaces() -> [NetworkInterface] {
        NetworkInterface.all().filter { $0.address.isLoopback ? usesLoopback : !isLoopbackOnly }
    }

    private func open(
        _ interface: NetworkInterface, _ state: inout State, now: MonotonicInstant
    ) throws(PeerConnectionError) {
        let socket = try UDPSocket(interface.address)
        guard let token = poller.add(socket.descriptor, handler: self) else {
            throw PeerConnectionError(.socketFailed, "epoll_ctl refused a socket")
        }
        let base = state.nextBase
        state.nextBase += 1
        state.watched.append(
            Watched(descriptor: socket.descriptor, owner: .base(base, interface), token: token))
        state.engine.add(socket, base, preference: interface.preference, now: now)
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
                settle(&state)
                hasNews = !state.engine.outbox.isEmpty
            }
            return try body(&state.engine, now)
        }
    }

    func send(_ packet: RTPPacket, mid: String) {
        let now = MonotonicInstant.now()
        let hasNews = state.withLock { state in
            state.engine.send(packet, mid: mid, now: now)
            settle(&state)
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
        state.withLock { state in
            guard let watched = state.watched.first(where: { $0.descriptor == descriptor }) else { return }
            switch watched.owner {
            case .base(let base, _):
                let count = batch.receive(from: descriptor)
                if count > 0 { state.engine.receive(batch, count: count, on: base, now: .now()) }
            case .stream(let id): state.engine.streamIsReady(id, now: .now())
            }
            settle(&state)
        }
        tell()
    }

    func interfacesChanged() {
        let interfaces = usableInterfaces()
        let now = MonotonicInstant.now()
        state.withLock { state in
            guard !state.engine.isClosed else { return }
            var known: Set<NetworkInterface> = []
            for watched in state.watched {
                guard case .base(let base, let interface) = watched.owner else { continue }
                if interfaces.contains(interface) {
                    known.insert(interface)
                } else {
                    unwatch(watched, &state)
                    state.engine.removeSocket(base, now: now)
                }
            }
            // An address that is just being taken away may refuse its socket.
            for interface in interfaces where !known.contains(interface) { try? open(interface, &state, now: now) }
            settle(&state)
        }
        tell()
    }

    func timerFired(now: MonotonicInstant) {
        state.withLock { state in
            state.scheduled = nil
            state.engine.handleTimeout(now: now)
            settle(&state)
        }
        tell()
    }

    private func tell() {
        var outbox = Outbox()
        while takeNews(&outbox) {
            for event in outbox.events { onEvent(event) }
            for (mid, packet) in outbox.packets { onPacket(mid, packet) }
            outbox.removeAll()
        }
    }

    /// Takes what is to be told, and leaves the storage of what was told for the next.
    private func takeNews(_ outbox: inout Outbox) -> Bool {
        state.withLock { state in
            let hasNews = !state.engine.outbox.isEmpty
            if hasNews || outbox.hasStorage { swap(&state.engine.outbox, &outbox) }
            return hasNews
        }
    }

    private func closeOnLoop(isTold: Bool = true) {
        let now = MonotonicInstant.now()
        loop.interfaces.remove(self)
        state.withLock { state in
            // Before the descriptors are closed, with the engine's sockets.
            for watched in state.watched { unwatch(watched, &state) }
            state.engine.close(now: now)
            if let timer = state.timer.take() { poller.removeTimer(timer) }
            if !isTold { state.engine.outbox = Outbox() }
        }
        tell()
    }

    // MARK: Under the lock

    /// What follows every entry into the engine: the timer, the streams' descriptors, the names to look up.
    private func settle(_ state: inout State) {
        watchStreams(&state)
        if !state.engine.namesToResolve.isEmpty { lookUp(&state) }
        guard let timer = state.timer, let deadline = state.engine.deadline else { return }
        // One that moved away is found out when it fires.
        if let scheduled = state.scheduled, scheduled <= deadline { return }
        state.scheduled = deadline
        poller.schedule(timer, at: deadline)
    }

    private func lookUp(_ state: inout State) {
        for name in state.engine.namesToResolve {
            loop.resolver.resolve(name) { [weak self] addresses in
                guard let self else { return }
                _ = try? self.perform { engine, now in engine.resolved(name, to: addresses, now: now) }
            }
        }
        state.engine.namesToResolve = []
    }

    private func watchStreams(_ state: inout State) {
        guard state.engine.hasStreams else { return }
        for (id, stream) in state.engine.streams {
            if let index = state.watched.firstIndex(where: { $0.owner == .stream(id) }) {
                guard state.watched[index].isWritableWatched != stream.waitsForRoom else { continue }
                state.watched[index].isWritableWatched = stream.waitsForRoom
                poller.change(state.watched[index].token, writable: stream.waitsForRoom)
            } else if let token = poller.add(stream.descriptor, writable: true, handler: self) {
                state.watched.append(
                    Watched(
                        descriptor: stream.descriptor, owner: .stream(id), token: token, isWritableWatched: true,
                        stream: stream))
            }
        }
        for watched in state.watched {
            guard case .stream(let id) = watched.owner, state.engine.streams[id] == nil else { continue }
            unwatch(watched, &state)
        }
        state.engine.hasStreams = !state.engine.streams.isEmpty
    }

    private func unwatch(_ watched: Watched, _ state: inout State) {
        poller.remove(watched.token)
        state.watched.removeAll { $0.token == watched.token }
    }
}
