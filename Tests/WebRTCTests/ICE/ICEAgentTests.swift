import Media
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
}
