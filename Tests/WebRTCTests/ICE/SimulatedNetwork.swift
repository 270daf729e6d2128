import Media
import TestSupport

@testable import WebRTC

/// A network of agents, servers and NATs in which time goes on from event to event, and everything random comes from a seed.
final class SimulatedNetwork {
    /// What a way through the network does to datagrams.
    struct Conditions {
        var delay: Duration = .milliseconds(10)
        /// Added to the delay, 0 to this much: datagrams overtake each other.
        var jitter: Duration = .zero
        /// 0…1.
        var loss = 0.0
        static let loopback = Conditions(delay: .microseconds(50))
    }

    /// Takes datagrams at an address.
    typealias Receiver = (_ bytes: [UInt8], _ source: SocketAddress) -> Void

    private(set) var now = MonotonicInstant(nanoseconds: 1_000_000_000)
    var conditions: Conditions
    var generator: SeededGenerator
    /// Looks at every datagram before it leaves; false drops it.
    var filter: (_ bytes: [UInt8], _ from: SocketAddress, _ to: SocketAddress) -> Bool = { _, _, _ in true }
    private(set) var sent = 0
    private var events: [(time: MonotonicInstant, order: Int, run: () -> Void)] = []
    private var order = 0
    private var receivers: [SocketAddress: Receiver] = [:]
    private(set) var peers: [SimulatedPeer] = []
    private var nats: [SimulatedNAT] = []

    init(seed: UInt64, _ conditions: Conditions = Conditions()) {
        generator = SeededGenerator(seed: seed)
        self.conditions = conditions
    }

    func add(_ peer: SimulatedPeer) { peers.append(peer) }
    func add(_ nat: SimulatedNAT) { nats.append(nat) }
    func listen(_ address: SocketAddress, _ receiver: @escaping Receiver) { receivers[address] = receiver }
    func silence(_ address: SocketAddress) { receivers[address] = nil }

    /// Sends a datagram, through the NAT that the sender is behind.
    func send(_ bytes: [UInt8], from: SocketAddress, to: SocketAddress) {
        sent += 1
        guard filter(bytes, from, to) else { return }
        guard Double.random(in: 0..<1, using: &generator) >= conditions.loss else { return }
        var source = from
        if let nat = nats.first(where: { $0.covers(from) }), !nat.covers(to) { source = nat.translate(from, to: to) }
        after(conditions.delay + conditions.jitter * Double.random(in: 0...1, using: &generator)) { [unowned self] in
            deliver(bytes, from: source, to: to)
        }
    }

    private func deliver(_ bytes: [UInt8], from: SocketAddress, to: SocketAddress) {
        if let nat = nats.first(where: { $0.isPublic(to) }) {
            guard let inside = nat.inside(of: to, from: from) else { return }
            receivers[inside]?(bytes, from)
        } else if nats.first(where: { $0.covers(to) }).map({ $0.covers(from) }) ?? true {
            receivers[to]?(bytes, from)
        }
    }

    func after(_ delay: Duration, _ run: @escaping () -> Void) {
        order += 1
        events.append((now + delay, order, run))
    }

    /// Lets time go on, until a condition holds or a time is over. Returns whether the condition holds.
    @discardableResult
    func run(for duration: Duration, until isDone: () -> Bool = { false }) -> Bool {
        let end = now + duration
        var turns = (now: now, count: 0)
        while true {
            turns = turns.now == now ? (now, turns.count + 1) : (now, 0)
            precondition(turns.count < 10_000, "time stands still: a deadline that is handled passes")
            for peer in peers { peer.perform() }
            if isDone() { return true }
            let event = events.indices.min { (events[$0].time, events[$0].order) < (events[$1].time, events[$1].order) }
            let timer = peers.filter { $0.agent.deadline != nil }.min { $0.agent.deadline! < $1.agent.deadline! }
            let times = [event.map { events[$0].time }, timer?.agent.deadline].compactMap(\.self)
            guard let next = times.min(), next <= end else {
                now = end
                return isDone()
            }
            now = max(now, next)
            if let event, events[event].time <= next {
                events.remove(at: event).run()
            } else {
                timer?.agent.handleTimeout(now: now)
            }
        }
    }
}

/// An agent with its sockets in a simulated network.
final class SimulatedPeer {
    let network: SimulatedNetwork
    var agent: ICEAgent
    /// Where its candidates and credentials go.
    weak var other: SimulatedPeer?
    var signallingDelay = Duration.milliseconds(5)
    var trickles = true
    private(set) var states: [ICEState] = []
    private(set) var connectedAt: MonotonicInstant?
    private(set) var routes: [ICERoute] = []
    private(set) var candidates: [ICECandidate] = []
    private(set) var payloads: [[UInt8]] = []
    private(set) var receptions: [ICEAgent.Reception] = []
    private(set) var gatheringsComplete = 0
    private(set) var failures: [TURNError] = []
    var names: [String: [SocketAddress]] = [:]
    private var sockets: [Int: SocketAddress] = [:]
    private var streams: [Int: ([UInt8]) -> Void] = [:]

    init(_ network: SimulatedNetwork, _ agent: ICEAgent) {
        self.network = network
        self.agent = agent
        network.add(self)
    }

    func addBase(_ id: Int, _ ip: String, preference: UInt8 = 200) {
        let address = SocketAddress(ip: ip, port: UInt16(4000 + id))!
        sockets[id] = address
        network.listen(address) { [unowned self] bytes, source in
            let reception = agent.receive(bytes.span, from: source, on: id, now: network.now)
            receptions.append(reception)
            if case .payload(let range) = reception { payloads.append(Array(bytes[range])) }
        }
        agent.addBase(id, address: address, preference: preference, now: network.now)
    }

    func removeBase(_ id: Int) {
        network.silence(sockets.removeValue(forKey: id)!)
        agent.removeBase(id, now: network.now)
    }

    /// Tells the other peer our credentials, after the time that signalling takes.
    func signal(isLite: Bool = false) {
        let credentials = agent.localCredentials
        network.after(signallingDelay) { [weak other, network] in
            other?.agent.setRemote(credentials, isLite: isLite, now: network.now)
        }
    }

    /// Sends data over the selected route.
    func send(_ payload: [UInt8]) {
        guard let route = agent.selected else { return }
        let bytes = route.channel.map { TURNChannelData.wrap(payload, channel: $0, isPadded: route.stream != nil) }
        if let stream = route.stream {
            streams[stream]?(bytes ?? payload)
        } else if let base = route.base, let source = sockets[base] {
            network.send(bytes ?? payload, from: source, to: route.destination)
        }
    }

    func perform() {
        while let action = agent.nextAction() {
            switch action {
            case .send(let bytes, let base, let to):
                if let source = sockets[base] { network.send(bytes, from: source, to: to) }
            case .candidate(let candidate):
                candidates.append(candidate)
                guard trickles else { continue }
                network.after(signallingDelay) { [weak other, network] in
                    // As it goes through signalling: as text.
                    other?.agent.addRemote(try! ICECandidate(sdp: candidate.sdp), now: network.now)
                }
            case .gatheringComplete: gatheringsComplete += 1
            case .selected(let route): routes.append(route)
            case .state(let state):
                states.append(state)
                if state == .connected { connectedAt = connectedAt ?? network.now }
            case .resolve(let name):
                let addresses = names[name] ?? []
                network.after(.milliseconds(2)) { [unowned self] in
                    agent.resolved(name, to: addresses, now: network.now)
                }
            case .serverFailed(let error): failures.append(error)
            case .openStream(let id, let server, _): open(id, server)
            case .sendStream(let bytes, let id): streams[id]?(bytes)
            case .closeStream(let id): closeStream(id)
            }
        }
    }

    // MARK: Streams

    /// Ends a stream, as a server does that goes.
    func closeStream(_ id: Int) { streams[id] = nil }

    /// Connects to a server: what it sends to the stream's address comes in pieces of a few bytes.
    private func open(_ id: Int, _ server: SocketAddress) {
        let client = SocketAddress(ip: "192.0.2.\(100 + id)", port: UInt16.random(in: 1024..<60_000))!
        network.listen(client) { [unowned self] bytes, _ in
            let padded = bytes + [UInt8](repeating: 0, count: -bytes.count & 3)
            for start in stride(from: 0, to: padded.count, by: 7) {
                let piece = Array(padded[start..<min(padded.count, start + 7)])
                agent.receiveStream(piece.span, id: id, now: network.now) { data in
                    payloads.append(data.array(0..<data.count))
                }
            }
        }
        var reader = TURNStreamReader()
        streams[id] = { [unowned self] bytes in
            reader.append(bytes.span)
            while let range = try? reader.next() { network.send(Array(reader.bytes[range]), from: client, to: server) }
        }
        network.after(.milliseconds(20)) { [unowned self] in agent.streamOpened(id, now: network.now) }
    }
}

/// Two peers that signal to each other.
func makePair(
    _ network: SimulatedNetwork, roles: (ICERole, ICERole) = (.controlling, .controlled), servers: [ICEServer] = [],
    policy: ICEPolicy = .all, timings: ICETimings = ICETimings()
) -> (SimulatedPeer, SimulatedPeer) {
    func peer(_ role: ICERole) -> SimulatedPeer {
        let generator = SeededGenerator(seed: network.generator.next())
        return SimulatedPeer(
            network, ICEAgent(role: role, servers: servers, policy: policy, timings: timings, generator: generator))
    }
    let pair = (peer(roles.0), peer(roles.1))
    pair.0.other = pair.1
    pair.1.other = pair.0
    return pair
}
