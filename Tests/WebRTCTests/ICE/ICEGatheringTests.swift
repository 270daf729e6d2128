import Media
import TestSupport
import Testing

@testable import WebRTC

@Suite("ICE through NATs and servers")
struct ICEGatheringTests {
    private static let stun = SocketAddress(ip: "198.51.100.1", port: 3478)!
    private static let turn = SocketAddress(ip: "198.51.100.2", port: 3478)!

    /// Which kinds of candidates a call between two NATs ends up with.
    @Test(
        "Two peers behind NATs meet",
        arguments: [
            (.fullCone, .fullCone, isRelayed: false), (.fullCone, .symmetric, isRelayed: false),
            (.portRestricted, .portRestricted, isRelayed: false), (.portRestricted, .symmetric, isRelayed: true),
            (.symmetric, .symmetric, isRelayed: true),
        ] as [(SimulatedNAT.Kind, SimulatedNAT.Kind, isRelayed: Bool)])
    func nats(a: SimulatedNAT.Kind, b: SimulatedNAT.Kind, isRelayed: Bool) throws {
        let network = SimulatedNetwork(seed: 3)
        addSTUNServer(network, Self.stun)
        let server = SimulatedTURNServer(network, Self.turn)
        network.add(SimulatedNAT(a, network: "10.0.1.0", outside: "203.0.113.1"))
        network.add(SimulatedNAT(b, network: "10.0.2.0", outside: "203.0.113.2"))
        let pair = makePair(
            network,
            servers: [
                try ICEServer(urls: ["stun:198.51.100.1"]),
                SimulatedTURNServer.server(Self.turn),
            ])
        pair.0.addBase(0, "10.0.1.2")
        pair.1.addBase(0, "10.0.2.2")
        pair.0.signal()
        pair.1.signal()
        #expect(
            network.run(for: .seconds(5)) { pair.0.agent.state == .connected && pair.1.agent.state == .connected })
        network.run(for: .seconds(5))  // a direct pair may come after a relayed one
        #expect(pair.0.agent.selected?.isRelayed == isRelayed)
        #expect(pair.1.agent.selected?.isRelayed == isRelayed)
        pair.0.send([128, 1])
        pair.1.send([128, 2])
        network.run(for: .milliseconds(100))
        #expect(pair.1.payloads == [[128, 1]])
        #expect(pair.0.payloads == [[128, 2]])
        #expect(Set(pair.0.candidates.map(\.kind)) == [.host, .serverReflexive, .relayed])
        #expect(pair.0.gatheringsComplete == 1)
        pair.0.agent.close(now: network.now)
        pair.1.agent.close(now: network.now)
        network.run(for: .milliseconds(100))
        #expect(server.allocations.isEmpty, "closing gives the allocations back")
        #expect(pair.0.agent.deadline == nil)
    }

    @Test("The relay policy shows and uses nothing but relays")
    func relayPolicy() throws {
        let network = SimulatedNetwork(seed: 4)
        addSTUNServer(network, Self.stun)
        let server = SimulatedTURNServer(network, Self.turn)
        let (a, b) = makePair(
            network, servers: [try ICEServer(urls: ["stun:198.51.100.1"]), SimulatedTURNServer.server(Self.turn)],
            policy: .relay)
        a.addBase(0, "192.0.2.1")
        b.addBase(0, "192.0.2.2")
        a.signal()
        b.signal()
        #expect(network.run(for: .seconds(5)) { a.agent.state == .connected && b.agent.state == .connected })
        #expect(a.candidates.map(\.kind) == [.relayed])
        #expect(a.candidates.first?.relatedAddress == nil)
        a.send([128, 1])
        network.run(for: .milliseconds(100))
        #expect(b.payloads == [[128, 1]])
        #expect(a.agent.selected?.channel == 0x4000)
        #expect(a.agent.selected?.destination == Self.turn)
        #expect(server.log.filter { $0 == "allocate" }.count == 2)
    }

    @Test("An allocation and its channels are kept for as long as the call, through stale nonces")
    func longCall() {
        let network = SimulatedNetwork(seed: 5)
        let server = SimulatedTURNServer(network, Self.turn)
        let (a, b) = makePair(network, servers: [SimulatedTURNServer.server(Self.turn)], policy: .relay)
        a.addBase(0, "192.0.2.1")
        b.addBase(0, "192.0.2.2")
        a.signal()
        b.signal()
        network.run(for: .seconds(300))
        server.nonce = "nonce-2"
        network.run(for: .seconds(3300))
        #expect(a.agent.state == .connected)
        #expect(a.states == [.checking, .connected])
        // Every 540 s of 3600, and every 240 s: for both.
        #expect(server.log.filter { $0 == "refresh" }.count == 12)
        #expect(server.log.filter { $0 == "bind" }.count >= 30)
        #expect(server.log.filter { $0 == "438" }.count >= 2)
    }

    @Test(
        "What a server refuses is told with its kind",
        arguments: [
            (486, .quotaReached), (508, .insufficientCapacity), (403, .forbidden), (437, .allocationMismatch),
        ] as [(Int, TURNError.Code)])
    func refusal(code: Int, expected: TURNError.Code) {
        let network = SimulatedNetwork(seed: 6)
        let server = SimulatedTURNServer(network, Self.turn)
        server.refusal = (code, nil)
        let (a, _) = makePair(network, servers: [SimulatedTURNServer.server(Self.turn)])
        a.addBase(0, "192.0.2.1")
        network.run(for: .seconds(1))
        #expect(a.failures.map(\.code) == [expected])
        #expect(a.gatheringsComplete == 1)
        #expect(a.candidates.map(\.kind) == [.host])
    }

    @Test(
        "A server that is started anew relays again: the allocation is missed, made anew and told", arguments: [60, 3])
    func serverRestarts(after seconds: Int) {
        let network = SimulatedNetwork(seed: 16)
        let server = SimulatedTURNServer(network, Self.turn)
        let (a, b) = makePair(network, servers: [SimulatedTURNServer.server(Self.turn)], policy: .relay)
        a.addBase(0, "192.0.2.1")
        b.addBase(0, "192.0.2.2")
        a.signal()
        b.signal()
        network.run(for: .seconds(seconds))
        #expect(a.agent.state == .connected && b.agent.state == .connected)
        let before = a.candidates.count
        server.restart()
        let began = network.now
        #expect(network.run(for: .seconds(30)) { a.agent.state == .disconnected && b.agent.state == .disconnected })
        #expect(network.run(for: .seconds(30)) { a.agent.state == .connected && b.agent.state == .connected })
        print("relayed again \(network.now - began) after a server's restart, \(seconds) s into a call")
        #expect(a.failures.map(\.code) == [.allocationMismatch])
        #expect(a.candidates.count == before + 1 && a.candidates.last?.kind == .relayed)
        #expect(a.gatheringsComplete == 2, "the new candidate has an end of its own")
        #expect(server.allocations.count == 2)
        a.send([128, 1])
        b.send([128, 2])
        network.run(for: .milliseconds(100))
        #expect(b.payloads == [[128, 1]] && a.payloads == [[128, 2]])
        a.agent.close(now: network.now)
        #expect(a.agent.deadline == nil)
    }

    @Test("A server that is silent is asked again, later and later, and relays when it is back")
    func silentServerReturns() {
        let network = SimulatedNetwork(seed: 17)
        let (a, _) = makePair(network, servers: [SimulatedTURNServer.server(Self.turn)])
        a.addBase(0, "192.0.2.1")
        // Asked for 5 s each at 0, 6, 13, 22, 35, 56, 91 s.
        network.run(for: .seconds(90))
        #expect(a.failures.map(\.code) == Array(repeating: .timedOut, count: 6))
        #expect(a.candidates.map(\.kind) == [.host])
        let server = SimulatedTURNServer(network, Self.turn)
        network.run(for: .seconds(31))
        #expect(a.candidates.map(\.kind) == [.host, .relayed])
        #expect(server.allocations.count == 1)
    }

    @Test("A server that has no more to give is asked again after a minute")
    func exhausted() {
        let network = SimulatedNetwork(seed: 18)
        let server = SimulatedTURNServer(network, Self.turn)
        server.refusal = (486, nil)
        let (a, _) = makePair(network, servers: [SimulatedTURNServer.server(Self.turn)])
        a.addBase(0, "192.0.2.1")
        network.run(for: .seconds(59))
        #expect(server.log == ["401", "486"])
        network.run(for: .seconds(2))
        #expect(a.candidates.map(\.kind) == [.host, .relayed])
    }

    @Test("A wrong credential is told once, not tried for ever")
    func wrongCredential() throws {
        let network = SimulatedNetwork(seed: 7)
        let server = SimulatedTURNServer(network, Self.turn)
        let wrong = try ICEServer(urls: ["turn:\(Self.turn)"], username: "user", credential: "guess")
        let (a, _) = makePair(network, servers: [wrong])
        a.addBase(0, "192.0.2.1")
        network.run(for: .seconds(10))
        #expect(a.failures.map(\.code) == [.unauthorized])
        #expect(server.log == ["401", "401"])
    }

    @Test("A server that names another is left for it")
    func alternate() {
        let network = SimulatedNetwork(seed: 8)
        let second = SocketAddress(ip: "198.51.100.3", port: 3478)!
        let first = SimulatedTURNServer(network, Self.turn)
        let other = SimulatedTURNServer(network, second)
        first.refusal = (300, second)
        let (a, _) = makePair(network, servers: [SimulatedTURNServer.server(Self.turn)])
        a.addBase(0, "192.0.2.1")
        network.run(for: .seconds(1))
        #expect(other.log == ["401", "allocate"])
        #expect(a.candidates.last?.socketAddress?.host == second.host)
        #expect(a.failures.isEmpty)
    }

    @Test("Servers that do not answer hold the host candidates up by nothing, and the end of gathering by five seconds")
    func silentServers() throws {
        let network = SimulatedNetwork(seed: 9)
        let (a, b) = makePair(
            network, servers: [try ICEServer(urls: ["stun:198.51.100.1"]), SimulatedTURNServer.server(Self.turn)])
        a.addBase(0, "192.0.2.1")
        b.addBase(0, "192.0.2.2")
        a.signal()
        b.signal()
        #expect(network.run(for: .milliseconds(30)) { a.agent.state == .connected })
        network.run(for: .milliseconds(4900))
        #expect(a.gatheringsComplete == 0)
        network.run(for: .milliseconds(200))
        #expect(a.gatheringsComplete == 1)
        #expect(a.failures.map(\.code) == [.timedOut])
    }

    @Test("Servers are found by name, and one without an address is told")
    func names() throws {
        let network = SimulatedNetwork(seed: 10)
        addSTUNServer(network, Self.stun)
        network.add(SimulatedNAT(.fullCone, network: "10.0.1.0", outside: "203.0.113.1"))
        let (a, _) = makePair(
            network, servers: [try ICEServer(urls: ["stun:stun.example.org", "stun:nowhere.example.org"])])
        a.names["stun.example.org"] = [Self.stun]
        a.addBase(0, "10.0.1.2")
        network.run(for: .seconds(1))
        #expect(a.candidates.map(\.kind) == [.host, .serverReflexive])
        #expect(a.candidates.last?.relatedAddress?.ip == "10.0.1.2")
        #expect(a.failures.map(\.code) == [.unresolved])
        #expect(a.gatheringsComplete == 1)
    }

    @Test("A NAT's mapping is kept alive")
    func keepalive() throws {
        let network = SimulatedNetwork(seed: 11)
        addSTUNServer(network, Self.stun)
        network.add(SimulatedNAT(.fullCone, network: "10.0.1.0", outside: "203.0.113.1"))
        let (a, _) = makePair(network, servers: [try ICEServer(urls: ["stun:198.51.100.1"])])
        a.addBase(0, "10.0.1.2")
        network.run(for: .seconds(1))
        let before = network.sent
        network.run(for: .seconds(60))
        #expect(network.sent - before == 8, "four requests and their answers in a minute")
    }

    @Test("A server is reached over a stream, and what it relays is cut out of it", arguments: ["tcp", "tls"])
    func stream(transport: String) throws {
        let network = SimulatedNetwork(seed: 12)
        let server = SimulatedTURNServer(network, Self.turn)
        let url = transport == "tls" ? "turns:198.51.100.2:3478" : "turn:198.51.100.2?transport=tcp"
        let (a, b) = makePair(
            network, servers: [try ICEServer(urls: [url], username: "user", credential: "secret")], policy: .relay)
        a.addBase(0, "192.0.2.1")
        b.addBase(0, "192.0.2.2")
        a.signal()
        b.signal()
        #expect(network.run(for: .seconds(5)) { a.agent.state == .connected && b.agent.state == .connected })
        #expect(a.agent.selected?.stream == 0 && a.agent.selected?.base == nil)
        for count in 1...9 {
            a.send([UInt8](repeating: 128, count: count))
            b.send([UInt8](repeating: 129, count: count))
        }
        network.run(for: .milliseconds(200))
        #expect(b.payloads == (1...9).map { [UInt8](repeating: 128, count: $0) })
        #expect(a.payloads == (1...9).map { [UInt8](repeating: 129, count: $0) })
        // The stream ends.
        a.agent.streamClosed(0, now: network.now)
        #expect(a.agent.state == .disconnected)
        #expect(a.agent.selected == nil)
        a.perform()
        #expect(a.failures.map(\.code) == [.streamClosed])
        b.agent.close(now: network.now)
        network.run(for: .seconds(2))
        #expect(server.log.filter { $0 == "release" }.count == 1)
        // Another stream is opened.
        #expect(a.candidates.map(\.kind) == [.relayed, .relayed])
    }

    @Test("A stream that speaks something else is closed")
    func garbage() throws {
        let network = SimulatedNetwork(seed: 13)
        let server = try ICEServer(urls: ["turn:198.51.100.2?transport=tcp"], username: "user", credential: "secret")
        var agent = ICEAgent(role: .controlling, servers: [server], generator: SeededGenerator(seed: 1))
        agent.addBase(0, address: SocketAddress(ip: "192.0.2.1", port: 1)!, preference: 1, now: network.now)
        agent.streamOpened(0, now: network.now)
        agent.receiveStream(([0xFF, 0xFE, 0, 0] as [UInt8]).span, id: 0, now: network.now) { _ in }
        var actions: [ICEAgent.Action] = []
        while let action = agent.nextAction() { actions.append(action) }
        #expect(actions.contains(.closeStream(id: 0)))
        #expect(agent.counters.malformed == 1)
    }

    @Test("An allocation that somebody else grants is not believed")
    func forgedAllocation() {
        let network = SimulatedNetwork(seed: 15)
        let server = SimulatedTURNServer(network, Self.turn)
        let forged = SocketAddress(ip: "203.0.113.66", port: 6)!
        network.filter = { [unowned network] bytes, from, to in
            guard let message = try? STUNMessage(parsing: bytes.span), message.messageClass == .request,
                message.nonce != nil
            else { return true }
            network.after(.milliseconds(1)) {
                var writer = STUNWriter(.success, message.method, message.transaction)
                writer.append(.xorRelayedAddress, forged)
                writer.append(.xorMappedAddress, forged)
                writer.sign([1, 2, 3])
                network.send(writer.finish(), from: to, to: from)
            }
            return true
        }
        let (a, _) = makePair(network, servers: [SimulatedTURNServer.server(Self.turn)])
        a.addBase(0, "192.0.2.1")
        network.run(for: .seconds(1))
        #expect(a.candidates.map(\.kind) == [.host, .relayed])
        #expect(a.candidates.last?.socketAddress == server.allocations.values.first?.relayed)
    }

    @Test("A peer that comes to our relay from a port nobody knew is answered through the server, and met")
    func unknownPort() throws {
        let network = SimulatedNetwork(seed: 14)
        addSTUNServer(network, Self.stun)
        let server = SimulatedTURNServer(network, Self.turn)
        network.add(SimulatedNAT(.symmetric, network: "10.0.2.0", outside: "203.0.113.2"))
        func peer(_ role: ICERole, _ server: ICEServer, _ policy: ICEPolicy) -> SimulatedPeer {
            let generator = SeededGenerator(seed: network.generator.next())
            return SimulatedPeer(network, ICEAgent(role: role, servers: [server], policy: policy, generator: generator))
        }
        let a = peer(.controlling, SimulatedTURNServer.server(Self.turn), .relay)
        let b = peer(.controlled, try ICEServer(urls: ["stun:198.51.100.1"]), .all)
        (a.other, b.other) = (b, a)
        a.addBase(0, "192.0.2.1")
        b.addBase(0, "10.0.2.2")
        a.signal()
        b.signal()
        #expect(network.run(for: .seconds(5)) { a.agent.state == .connected && b.agent.state == .connected })
        #expect(a.agent.selected?.remote.kind == .peerReflexive)
        #expect(server.log.contains("send"), "the first answer has no channel yet")
        a.send([128, 1])
        b.send([128, 2])
        network.run(for: .milliseconds(100))
        #expect(b.payloads == [[128, 1]] && a.payloads == [[128, 2]])
    }

    @Test("Relays are had through loss too", arguments: 0..<20 as Range<UInt64>)
    func loss(seed: UInt64) {
        let network = SimulatedNetwork(
            seed: seed, .init(delay: .milliseconds(20), jitter: .milliseconds(20), loss: 0.2))
        let server = SimulatedTURNServer(network, Self.turn)
        let (a, b) = makePair(network, servers: [SimulatedTURNServer.server(Self.turn)], policy: .relay)
        a.addBase(0, "192.0.2.1")
        b.addBase(0, "192.0.2.2")
        a.signal()
        b.signal()
        #expect(network.run(for: .seconds(10)) { a.agent.state == .connected && b.agent.state == .connected })
        #expect(server.allocations.count == 2)
    }
}
