import Media
import Testing

@testable import WebRTC

@Suite("DTLS")
struct DTLSSessionTests {
    private let now = MonotonicInstant.now()
    private let own = DTLSContext.shared.fingerprint

    /// Carries datagrams to and fro until none is left; returns their sizes.
    @discardableResult
    private func exchange(_ client: DTLSSession, _ server: DTLSSession) -> [Int] {
        var sizes: [Int] = []
        while true {
            var isIdle = true
            for (from, to) in [(client, server), (server, client)] {
                while let datagram = from.nextDatagram() {
                    isIdle = false
                    sizes.append(datagram.count)
                    to.receive(datagram.span, now: now)
                }
            }
            if isIdle { return sizes }
        }
    }

    @Test("both sides get the same keys, in datagrams of at most 1,200 bytes, and a goodbye")
    func handshake() {
        let client = DTLSSession(role: .client, remoteFingerprints: [own])
        let server = DTLSSession(role: .server, remoteFingerprints: [own])
        client.start(now: now)
        #expect(client.deadline != nil)
        #expect(exchange(client, server).allSatisfy { $0 <= 1200 })
        guard case .connected(let mine) = client.state, case .connected(let theirs) = server.state else {
            Issue.record("\(client.state), \(server.state)")
            return
        }
        #expect(mine.profile == .aeadAES128GCM)
        #expect(mine.local == theirs.remote && mine.remote == theirs.local && mine.local != mine.remote)
        #expect(client.deadline == nil && server.deadline == nil)
        client.close(now: now)
        exchange(client, server)
        #expect(server.state == .closedByPeer)
    }

    @Test("a hello is repeated on request until the peer has answered, and a doubled one does no harm")
    func repeatedHello() {
        let client = DTLSSession(role: .client, remoteFingerprints: [own])
        let server = DTLSSession(role: .server, remoteFingerprints: [own])
        client.start(now: now)
        let lost = client.nextDatagram()
        #expect(client.nextDatagram() == nil)
        client.repeatHello()
        client.repeatHello()
        #expect(lost != nil)
        exchange(client, server)
        guard case .connected = client.state, case .connected = server.state else {
            Issue.record("\(client.state), \(server.state)")
            return
        }
        client.repeatHello()
        server.repeatHello()
        #expect(client.nextDatagram() == nil && server.nextDatagram() == nil)
    }

    @Test("a certificate that signalling did not name is refused, by either side", arguments: [true, false])
    func wrongFingerprint(isClientDeceived: Bool) {
        var bytes = own.bytes
        bytes[31] ^= 1
        let wrong = DTLSFingerprint(algorithm: .sha256, bytes: bytes)
        let client = DTLSSession(role: .client, remoteFingerprints: [isClientDeceived ? wrong : own])
        let server = DTLSSession(role: .server, remoteFingerprints: [isClientDeceived ? own : wrong])
        client.start(now: now)
        exchange(client, server)
        let (deceived, other) = isClientDeceived ? (client, server) : (server, client)
        guard case .failed(let error) = deceived.state else {
            Issue.record("\(deceived.state)")
            return
        }
        #expect(error.code == .wrongFingerprint)
        if case .failed(let error) = other.state {
            #expect(error.code == .handshakeFailed)
        } else {
            Issue.record("\(other.state)")
        }
    }

    @Test("one right fingerprint among several is enough")
    func severalFingerprints() {
        let wrong = DTLSFingerprint(algorithm: .sha512, bytes: [UInt8](repeating: 1, count: 64))
        let client = DTLSSession(role: .client, remoteFingerprints: [wrong, own])
        let server = DTLSSession(role: .server, remoteFingerprints: [own, wrong])
        client.start(now: now)
        exchange(client, server)
        if case .connected = client.state {} else { Issue.record("\(client.state)") }
    }

    @Test("noise and truncation do not end a handshake")
    func noise() throws {
        let client = DTLSSession(role: .client, remoteFingerprints: [own])
        let server = DTLSSession(role: .server, remoteFingerprints: [own])
        client.start(now: now)
        let hello = try #require(client.nextDatagram())
        let noise = [[22, 0xFE, 0xFD, 1, 2], Array(hello.dropLast(7)), [UInt8](repeating: 0xFF, count: 300)]
        for bytes in noise + [hello] { server.receive(bytes.span, now: now) }
        exchange(client, server)
        if case .connected = server.state {} else { Issue.record("\(server.state)") }
    }

    @Test("a fingerprint that is weak or of a wrong length is none")
    func fingerprints() throws {
        func read(_ text: String) throws -> DTLSFingerprint? { DTLSFingerprint(try #require(SDPFingerprint(text))) }
        #expect(try read("sha-1 " + [String](repeating: "AB", count: 20).joined(separator: ":")) == nil)
        #expect(try read("sha-256 AB:CD") == nil)
        #expect(try read("SHA-384 " + [String](repeating: "0f", count: 48).joined(separator: ":")) != nil)
        #expect(try read(own.sdp.description) == own)
    }
}
