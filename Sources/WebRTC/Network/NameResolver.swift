import CLinux
import Glibc
import Media
import Synchronization

/// Finds the addresses of names: `….local` by multicast DNS on the loop, others by the system's resolver on a thread of its own.
final class NameResolver: SocketHandler, TimerHandler {
    typealias Answer = @Sendable ([SocketAddress]) -> Void

    private struct State {
        var multicast = MDNSResolver()
        var waiting: [String: [Answer]] = [:]
        var socket: (descriptor: Int32, token: SocketPoller.Token)?
        var timer: SocketPoller.Token?
        var interfaces: [SocketAddress] = []
    }

    private let poller: SocketPoller
    private let state = Mutex(State())

    init(_ poller: SocketPoller) { self.poller = poller }

    /// Looks a name up.
    /// - `answer`: called on the poller's thread, once; without addresses where there are none.
    func resolve(_ name: String, answer: @escaping Answer) {
        guard name.lowercased().hasSuffix(".local") else {
            _ = DeviceThread(name: "resolver") { [poller] _ in
                let addresses = Self.system(name)
                poller.run { answer(addresses) }
            }
            return
        }
        state.withLock { state in
            state.waiting[name, default: []].append(answer)
            open(&state)
            state.multicast.resolve(name, now: .now())
        }
        poller.run { self.perform() }
    }

    func socketIsReady(_ descriptor: Int32, readable: Bool, writable: Bool, batch: DatagramBatch) {
        let count = batch.receive(from: descriptor)
        state.withLock { state in
            for index in 0..<count {
                state.multicast.receive(unsafe UnsafeBufferPointer(batch.received(index)).span, now: .now())
            }
        }
        perform()
    }

    func timerFired(now: MonotonicInstant) {
        state.withLock { $0.multicast.handleTimeout(now: now) }
        perform()
    }

    /// Carries out what multicast DNS wants, and answers.
    private func perform() {
        let answers = state.withLock { state in
            var answers: [(Answer, [SocketAddress])] = []
            while let action = state.multicast.nextAction() {
                switch action {
                case .send(let bytes): send(bytes, state)
                case .resolved(let name, let addresses):
                    answers += (state.waiting.removeValue(forKey: name) ?? []).map { ($0, addresses) }
                }
            }
            if state.waiting.isEmpty {
                close(&state)
            } else if let timer = state.timer {
                poller.schedule(timer, at: state.multicast.deadline)
            }
            return answers
        }
        for (answer, addresses) in answers { answer(addresses) }
    }

    private func send(_ bytes: [UInt8], _ state: State) {
        guard let socket = state.socket else { return }
        var group = linux_address(MDNSResolver.group)
        for interface in state.interfaces {
            var interface = linux_address(interface)
            _ = unsafe bytes.withUnsafeBytes { bytes in
                unsafe linux_multicast_send(socket.descriptor, bytes.baseAddress, bytes.count, &group, &interface)
            }
        }
    }

    /// The socket is there only while somebody waits.
    private func open(_ state: inout State) {
        guard state.socket == nil else { return }
        let descriptor = linux_mdns_socket()
        // Without a socket the query's timeout answers.
        guard descriptor >= 0 else { return }
        guard let token = poller.add(descriptor, handler: self) else {
            _ = linux_close(descriptor)
            return
        }
        state.socket = (descriptor, token)
        state.timer = poller.addTimer(self)
        state.interfaces = NetworkInterface.all().map(\.address).filter { !$0.isIPv6 }
        var group = linux_address(MDNSResolver.group)
        for interface in state.interfaces {
            var interface = linux_address(interface)
            _ = unsafe linux_multicast_join(descriptor, &group, &interface)
        }
    }

    private func close(_ state: inout State) {
        guard let socket = state.socket.take() else { return }
        poller.remove(socket.token)
        _ = linux_close(socket.descriptor)
        if let timer = state.timer.take() { poller.removeTimer(timer) }
    }

    /// getaddrinfo, which may block for as long as the system's name servers are silent.
    private static func system(_ name: String) -> [SocketAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            unsafe next = unsafe entry.pointee.ai_next
            if let address = unsafe SocketAddress(entry.pointee.ai_addr) { addresses.append(address) }
        }
        return addresses
    }
}
