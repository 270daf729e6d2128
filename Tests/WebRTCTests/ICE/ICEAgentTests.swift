import Media
import TestSupport
import Testing

@testable import WebRTC

@Suite("ICE agent (RFC 8445)")
struct ICEAgentTests {
    @Test("Two hosts on one network connect in one round trip after signalling, and data flows both ways")
    func hosts() throws {
        let network = SimulatedNetwork(seed: 1)
        let (a, b) = makePair(network)
        a.addBase(0, "192.0.2.1")
        b.addBase(0, "192.0.2.2")
        a.signal()
        b.signal()
        #expect(network.run(for: .seconds(1)) { a.agent.state == .connected && b.agent.state == .connected })
        // 5 ms of signalling, then 10 ms there and 10 ms back.
        let start = MonotonicInstant(nanoseconds: 1_000_000_000)
        #expect(try #require(a.connectedAt) - start == .milliseconds(25))
        #expect(try #require(b.connectedAt) - start == .milliseconds(25))
        #expect(a.states == [.checking, .connected])
        a.send([128, 1, 2])
        b.send([22, 3])
        network.run(for: .milliseconds(50))
        #expect(b.payloads == [[128, 1, 2]])
        #expect(a.payloads == [[22, 3]])
        #expect(a.agent.selected?.local.kind == .host)
        #expect(a.agent.selected?.remote.kind == .host)
        #expect(a.gatheringsComplete == 1)
    }

    @Test("An answerer is connected before the offerer has its answer, since its checks are answered all the same")
    func earlyChecks() throws {
        let network = SimulatedNetwork(seed: 2)
        let (a, b) = makePair(network)
        b.signallingDelay = .milliseconds(200)
        a.addBase(0, "192.0.2.1")
        b.addBase(0, "192.0.2.2")
        a.signal()
        b.signal()
        #expect(network.run(for: .milliseconds(100)) { b.agent.state == .connected })
        #expect(a.agent.state == .new)
        #expect(network.run(for: .seconds(1)) { a.agent.state == .connected })
        // The pair waited for the credentials only.
        let start = MonotonicInstant(nanoseconds: 1_000_000_000)
        #expect(try #require(a.connectedAt) - start == .milliseconds(220))
    }

    private func connected(_ pair: (SimulatedPeer, SimulatedPeer)) -> Bool {
        pair.0.agent.state == .connected && pair.1.agent.state == .connected
    }

    /// Two peers on one network that are connected.
    private func connect(_ network: SimulatedNetwork, roles: (ICERole, ICERole) = (.controlling, .controlled)) -> (
        SimulatedPeer, SimulatedPeer
    ) {
        let pair = makePair(network, roles: roles)
        pair.0.addBase(0, "192.0.2.1")
        pair.1.addBase(0, "192.0.2.2")
        pair.0.signal()
        pair.1.signal()
        #expect(network.run(for: .seconds(5)) { connected(pair) })
        return pair
    }

    @Test("Peers that both control, or both do not, agree on who does", arguments: [ICERole.controlling, .controlled])
    func roleConflict(role: ICERole) {
        for seed in 0..<20 as Range<UInt64> {
            let network = SimulatedNetwork(seed: seed)
            let (a, b) = connect(network, roles: (role, role))
            network.run(for: .seconds(1))
            #expect(a.agent.role != b.agent.role, "seed \(seed)")
            #expect(a.routes.count == 1 && b.routes.count == 1)
        }
    }

    @Test("Peers connect through loss, delay and reordering", arguments: [0.05, 0.2, 0.4])
    func loss(loss: Double) {
        for seed in 0..<30 as Range<UInt64> {
            let network = SimulatedNetwork(
                seed: seed, .init(delay: .milliseconds(30), jitter: .milliseconds(60), loss: loss))
            let (a, b) = connect(network)
            network.conditions.loss = 0
            network.run(for: .seconds(2))
            a.send([128, 7])
            b.send([128, 8])
            network.run(for: .milliseconds(200))
            #expect(b.payloads == [[128, 7]] && a.payloads == [[128, 8]], "seed \(seed)")
        }
    }

    @Test("At a fifth of loss each way, a path is there within six tenths of a second, 199 times of 200")
    func setUpTimes() throws {
        func times(_ timings: ICETimings) throws -> [Double] {
            try (0..<200 as Range<UInt64>).map { seed in
                let network = SimulatedNetwork(
                    seed: seed, .init(delay: .milliseconds(20), jitter: .milliseconds(30), loss: 0.2))
                let (a, b) = makePair(network, timings: timings)
                a.addBase(0, "192.0.2.1")
                b.addBase(0, "192.0.2.2")
                a.signal()
                b.signal()
                let began = network.now
                network.run(for: .seconds(10)) { a.connectedAt != nil && b.connectedAt != nil }
                let later = max(try #require(a.connectedAt), try #require(b.connectedAt))
                return (later - began).milliseconds
            }.sorted()
        }
        var doubling = ICETimings()
        doubling.eagerPeriod = .zero
        for (name, times) in [("eager", try times(ICETimings())), ("doubling", try times(doubling))] {
            print(
                "a path through 20 % loss, \(name) checks: median \(times[100]), p95 \(times[190]), "
                    + "199 of 200 \(times[198]), longest \(times[199]) ms")
        }
        #expect(try times(ICETimings())[198] < 600)
    }

    @Test("Of several interfaces the preferred one is used, in the family that RFC 6724 prefers")
    func interfaces() {
        let network = SimulatedNetwork(seed: 20)
        let pair = makePair(network)
        pair.0.addBase(0, "192.0.2.1", preference: 100)
        pair.0.addBase(1, "198.51.100.1", preference: 200)
        pair.0.addBase(2, "2001:db8::1", preference: 200)
        pair.1.addBase(0, "2001:db8::2", preference: 100)
        pair.1.addBase(1, "198.51.100.2", preference: 100)
        // All is known before the first check.
        pair.0.signallingDelay = .milliseconds(1)
        pair.1.signallingDelay = .milliseconds(1)
        pair.0.perform()
        pair.1.perform()
        network.after(.milliseconds(2)) {
            pair.0.signal()
            pair.1.signal()
        }
        #expect(network.run(for: .seconds(1)) { connected(pair) })
        #expect(pair.0.agent.selected?.local.socketAddress?.ip == "2001:db8::1")
        #expect(pair.1.agent.selected?.remote.socketAddress?.ip == "2001:db8::1")
        network.run(for: .seconds(1))
        #expect(pair.0.routes.count == 1, "a pair that works is not left for another host's")
    }

    @Test("A peer that answers only is nominated to in a second check")
    func lite() throws {
        let network = SimulatedNetwork(seed: 21)
        var agent = ICEAgent(role: .controlled, generator: SeededGenerator(seed: 1))
        let address = SocketAddress(ip: "192.0.2.9", port: 9)!
        let credentials = ICECredentials(ufrag: "lite", password: "a password of 22 bytes")
        var nominations: [Bool] = []
        network.listen(address) { bytes, source in
            guard let request = try? STUNMessage(parsing: bytes.span) else { return }
            nominations.append(request.usesCandidate)
            var writer = STUNWriter(.success, .binding, request.transaction)
            writer.append(.xorMappedAddress, source)
            writer.sign(credentials.key)
            network.send(writer.finish(), from: address, to: source)
        }
        agent.setRemote(credentials, isLite: true, now: network.now)
        agent.addRemote(
            ICECandidate(foundation: "1", priority: 1, address: .ip(address), kind: .host), now: network.now)
        let peer = SimulatedPeer(network, agent)
        peer.addBase(0, "192.0.2.1")
        #expect(network.run(for: .seconds(1)) { peer.agent.state == .connected })
        network.run(for: .seconds(1))
        #expect(peer.agent.role == .controlling)
        #expect(nominations == [false, true])
    }

    // MARK: What is not believed

    @Test("An answer from another address than the check went to is refused, and the pair fails")
    func wrongAddress() {
        let network = SimulatedNetwork(seed: 22)
        let pair = makePair(network)
        pair.0.addBase(0, "192.0.2.1")
        pair.1.addBase(0, "192.0.2.2")
        let other = SocketAddress(ip: "192.0.2.66", port: 4000)!
        network.filter = { [unowned network] bytes, from, to in
            guard let message = try? STUNMessage(parsing: bytes.span), message.messageClass == .success else {
                return true
            }
            guard from != other else { return true }
            network.send(bytes, from: other, to: to)
            return false
        }
        pair.0.signal()
        pair.1.signal()
        network.run(for: .seconds(20))
        #expect(pair.0.agent.state == .checking)
        #expect(pair.0.agent.counters.misdirected > 0)
        #expect(pair.0.agent.selected == nil)
    }

    @Test("Messages with a wrong integrity are ignored and counted, requests and answers")
    func forged() throws {
        let network = SimulatedNetwork(seed: 23)
        let (a, b) = connect(network)
        network.run(for: .milliseconds(100))
        let known = b.agent.selected!.local.socketAddress!
        let stranger = SocketAddress(ip: "192.0.2.66", port: 666)!
        let ours = a.agent.selected!.local.socketAddress!
        let sent = network.sent
        for source in [known, stranger] {
            var writer = STUNWriter(.request, .binding, STUNMessage.Transaction(high: 1, low: 2))
            writer.append(.username, "\(a.agent.localCredentials.ufrag):\(b.agent.localCredentials.ufrag)")
            writer.append(.priority, UInt32.max)
            writer.append(.controlling, UInt64.max)
            writer.append(flag: .useCandidate)
            writer.sign(Array("not the password of this agent".utf8))
            network.send(writer.finish(), from: source, to: ours)
        }
        // Without any integrity.
        var writer = STUNWriter(.request, .binding, STUNMessage.Transaction(high: 1, low: 2))
        writer.append(.username, "\(a.agent.localCredentials.ufrag):\(b.agent.localCredentials.ufrag)")
        network.send(writer.finish(), from: known, to: ours)
        let role = a.agent.role
        network.run(for: .milliseconds(100))
        #expect(a.agent.counters.forged == 3)
        #expect(a.agent.role == role)
        #expect(network.sent == sent + 3, "nothing is answered")
        #expect(a.routes.count == 1)
    }

    @Test("Forged answers to the check that is under way are ignored, and the true one still counts")
    func forgedAnswer() {
        let network = SimulatedNetwork(seed: 24)
        let pair = makePair(network)
        pair.0.addBase(0, "192.0.2.1")
        pair.1.addBase(0, "192.0.2.2")
        network.filter = { [unowned network] bytes, from, to in
            guard let message = try? STUNMessage(parsing: bytes.span), message.messageClass == .request else {
                return true
            }
            network.after(.milliseconds(1)) {
                var writer = STUNWriter(.success, .binding, message.transaction)
                writer.append(.xorMappedAddress, from)
                writer.sign([1, 2, 3])
                network.send(writer.finish(), from: to, to: from)
            }
            return true
        }
        pair.0.signal()
        pair.1.signal()
        #expect(network.run(for: .seconds(1)) { connected(pair) })
        #expect(pair.0.agent.counters.forged > 0)
    }

    @Test("Data is taken from the peer's addresses only")
    func strangersData() {
        let network = SimulatedNetwork(seed: 25)
        let (a, _) = connect(network)
        let ours = a.agent.selected!.local.socketAddress!
        network.send([128, 1, 2, 3], from: SocketAddress(ip: "192.0.2.66", port: 666)!, to: ours)
        network.run(for: .milliseconds(100))
        #expect(a.payloads.isEmpty)
        #expect(a.agent.counters.unexpectedData == 1)
    }

    @Test("A check with an attribute that must be understood and is not is answered with 420 that names it")
    func unknownAttribute() throws {
        let network = SimulatedNetwork(seed: 26)
        let (a, b) = connect(network)
        var answers: [STUNMessage] = []
        let source = SocketAddress(ip: "192.0.2.77", port: 7)!
        network.listen(source) { bytes, _ in
            guard let message = try? STUNMessage(parsing: bytes.span) else { return }
            answers.append(message)
        }
        var writer = STUNWriter(.request, .binding, STUNMessage.Transaction(high: 1, low: 2))
        writer.append(.username, "\(a.agent.localCredentials.ufrag):\(b.agent.localCredentials.ufrag)")
        writer.append(STUNAttribute(rawValue: 0x7FF1), [1])
        writer.sign(a.agent.localCredentials.key)
        network.send(writer.finish(), from: source, to: a.agent.selected!.local.socketAddress!)
        network.run(for: .milliseconds(100))
        #expect(answers.map(\.errorCode) == [420])
        #expect(answers.first?.unknownAttributes == [0x7FF1])
    }

    // MARK: A path that dies

    @Test("Consent is asked about every five seconds, and a call without trouble stays as it is")
    func consent() {
        let network = SimulatedNetwork(seed: 27)
        let (a, _) = connect(network)
        let before = a.agent.counters.requestsSent
        network.run(for: .seconds(600))
        #expect(a.states == [.checking, .connected])
        #expect(110...140 ~= a.agent.counters.requestsSent - before)
        #expect(a.agent.roundTrip == .milliseconds(20))
    }

    @Test("A dead path is noticed in four seconds of silence, and comes back by itself, or has failed after thirty")
    func outage() throws {
        let network = SimulatedNetwork(seed: 28)
        let (a, b) = connect(network)
        func talk(_ seconds: Int) {
            for _ in 0..<seconds * 50 {
                a.send([128, 1])
                b.send([128, 2])
                network.run(for: .milliseconds(20))
            }
        }
        talk(10)
        network.conditions.loss = 1
        let start = network.now
        #expect(network.run(for: .seconds(10)) { a.agent.state == .disconnected })
        #expect(network.now - start < .milliseconds(4100))
        talk(5)
        network.conditions.loss = 0
        #expect(network.run(for: .milliseconds(600)) { a.agent.state == .connected })
        #expect(a.routes.count == 1)
        network.conditions.loss = 1
        #expect(network.run(for: .seconds(60)) { a.agent.state == .failed && b.agent.state == .failed })
        #expect(a.agent.selected == nil)
        #expect(a.agent.deadline == nil)
    }

    @Test("When the address changes, data goes on from the new one without a restart")
    func addressChange() throws {
        let network = SimulatedNetwork(seed: 29)
        let (a, b) = connect(network)
        network.run(for: .seconds(2))
        a.removeBase(0)
        #expect(a.agent.state == .disconnected)
        a.addBase(1, "198.51.100.1")
        #expect(network.run(for: .milliseconds(21)) { a.agent.state == .connected })
        network.run(for: .milliseconds(100))
        #expect(b.agent.selected?.remote.socketAddress?.ip == "198.51.100.1")
        a.send([128, 1])
        b.send([128, 2])
        network.run(for: .milliseconds(100))
        #expect(b.payloads == [[128, 1]] && a.payloads == [[128, 2]])
        #expect(b.agent.state == .connected)
    }

    @Test("A second interface takes over when the first one dies")
    func failover() {
        let network = SimulatedNetwork(seed: 30)
        let pair = makePair(network)
        pair.0.addBase(0, "192.0.2.1", preference: 200)
        pair.0.addBase(1, "198.51.100.1", preference: 100)
        pair.1.addBase(0, "192.0.2.2")
        pair.0.signal()
        pair.1.signal()
        network.run(for: .seconds(2))
        #expect(pair.0.agent.selected?.base == 0)
        network.filter = { _, from, to in from.ip != "192.0.2.1" && to.ip != "192.0.2.1" }
        #expect(network.run(for: .seconds(15)) { pair.0.agent.selected?.base == 1 })
        #expect(network.run(for: .seconds(15)) { pair.1.agent.selected?.remote.socketAddress?.ip == "198.51.100.1" })
        network.run(for: .seconds(5))
        #expect(connected(pair))
    }

    // MARK: Restart

    @Test("A restart changes the credentials, keeps the data flowing, and ends in a new route")
    func restart() {
        let network = SimulatedNetwork(seed: 31)
        let (a, b) = connect(network)
        let old = (a.agent.localCredentials, b.agent.localCredentials)
        a.agent.restart(now: network.now)
        a.signallingDelay = .milliseconds(300)
        network.after(.milliseconds(300)) {
            b.agent.restart(now: network.now)
            b.signal()
        }
        a.signal()
        for _ in 0..<40 {
            a.send([128, 1])
            b.send([128, 2])
            network.run(for: .milliseconds(20))
        }
        network.run(for: .seconds(1))
        #expect(a.agent.localCredentials != old.0 && b.agent.localCredentials != old.1)
        #expect(a.payloads.count == 40 && b.payloads.count == 40, "nothing was lost")
        #expect(a.states == [.checking, .connected], "and nobody noticed")
        #expect(a.routes.count == 2 && b.routes.count == 2)
        network.run(for: .seconds(60))
        #expect(connected((a, b)))
    }

    @Test("A restart revives agents that have failed")
    func restartAfterFailure() {
        let network = SimulatedNetwork(seed: 32)
        let (a, b) = connect(network)
        network.conditions.loss = 1
        network.run(for: .seconds(60))
        #expect(a.agent.state == .failed)
        network.conditions.loss = 0
        for peer in [a, b] {
            peer.agent.restart(now: network.now)
            peer.signal()
        }
        #expect(network.run(for: .seconds(1)) { connected((a, b)) })
        #expect(a.states == [.checking, .connected, .disconnected, .failed, .checking, .connected])
    }

    // MARK: Candidates

    @Test("A browser's .local candidate is resolved and checked; one that nobody answers for is forgotten")
    func names() throws {
        let network = SimulatedNetwork(seed: 33)
        let pair = makePair(network)
        pair.0.names["abc.local"] = [SocketAddress(ip: "192.0.2.2", port: 0)!]
        pair.1.trickles = false
        pair.0.trickles = false
        pair.0.addBase(0, "192.0.2.1")
        pair.1.addBase(0, "192.0.2.2")
        for name in ["abc.local", "nobody.local"] {
            pair.0.agent.addRemote(
                try ICECandidate(sdp: "candidate:1 1 udp 2113937151 \(name) 4000 typ host"), now: network.now)
        }
        pair.0.signal()
        pair.1.signal()
        #expect(network.run(for: .seconds(1)) { connected(pair) })
        // The other side knows us from our checks only.
        #expect(pair.1.agent.selected?.remote.kind == .peerReflexive)
    }

    @Test("Checks that no pair answers end in failure")
    func unreachable() {
        let network = SimulatedNetwork(seed: 34)
        let pair = makePair(network)
        pair.0.addBase(0, "192.0.2.1")
        pair.1.addBase(0, "192.0.2.2")
        network.conditions.loss = 1
        pair.0.signal()
        pair.1.signal()
        network.run(for: .seconds(2))
        pair.0.agent.endOfRemoteCandidates(now: network.now)
        #expect(network.run(for: .seconds(31)) { pair.0.agent.state == .failed && pair.1.agent.state == .failed })
        #expect(pair.0.states == [.checking, .failed])
    }

    @Test("A closed agent does and says nothing more")
    func close() {
        let network = SimulatedNetwork(seed: 35)
        let (a, b) = connect(network)
        a.agent.close(now: network.now)
        a.perform()
        #expect(a.states.last == .closed)
        let before = (a.agent.counters, network.sent)
        b.send([128, 1])
        network.run(for: .seconds(2))
        #expect(a.agent.counters == before.0)
        #expect(a.payloads.isEmpty && a.agent.deadline == nil && a.agent.nextAction() == nil)
    }

    @Test("Any bytes from anywhere leave an agent as it is", arguments: [1, 2, 3] as [UInt64])
    func noise(seed: UInt64) {
        let network = SimulatedNetwork(seed: seed)
        let (a, b) = connect(network)
        let addresses = [b.agent.selected!.local.socketAddress!, SocketAddress(ip: "192.0.2.66", port: 666)!]
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            var bytes = (0..<Int.random(in: 0...120, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            if bytes.count >= 20, Bool.random(using: &generator) {
                bytes.replaceSubrange(0..<8, with: [0, 1, 0, UInt8(bytes.count - 20), 0x21, 0x12, 0xA4, 0x42])
            }
            _ = a.agent.receive(
                bytes.span, from: addresses.randomElement(using: &generator)!, on: 0, now: network.now)
        }
        network.run(for: .seconds(1))
        #expect(connected((a, b)))
        #expect(a.routes.count == 1)
    }
}
