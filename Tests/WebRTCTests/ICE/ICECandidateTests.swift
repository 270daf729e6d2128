import Testing

@testable import WebRTC

@Suite("ICE candidates and servers in text")
struct ICECandidateTests {
    @Test(
        "Lines as peers write them are read",
        arguments: [
            (
                "candidate:1 1 udp 2130706431 192.0.2.1 4000 typ host",
                "candidate:1 1 udp 2130706431 192.0.2.1 4000 typ host"
            ),
            (
                "a=candidate:842163049 1 udp 1677729535 203.0.113.9 61665 typ srflx raddr 10.0.1.2 rport 61665 generation 0 ufrag EEtu network-id 3",
                "candidate:842163049 1 udp 1677729535 203.0.113.9 61665 typ srflx raddr 10.0.1.2 rport 61665"
            ),
            (
                "candidate:7 1 UDP 41885439 2001:db8::1 3478 typ relay raddr :: rport 0",
                "candidate:7 1 udp 41885439 2001:db8::1 3478 typ relay raddr :: rport 0"
            ),
            (
                "candidate:3 2 tcp 1518280447 192.0.2.1 9 typ host tcptype active",
                "candidate:3 2 tcp 1518280447 192.0.2.1 9 typ host tcptype active"
            ),
            (
                "candidate:3 1 udp 2113937151 1f4712db-ea17-4bcf-a596-105139dfd8bf.local 54596 typ host",
                "candidate:3 1 udp 2113937151 1f4712db-ea17-4bcf-a596-105139dfd8bf.local 54596 typ host"
            ),
        ])
    func lines(line: String, expected: String) throws {
        let candidate = try ICECandidate(sdp: line)
        #expect(candidate.sdp == expected)
        #expect(try ICECandidate(sdp: candidate.sdp) == candidate)
    }

    @Test(
        "What is no candidate is refused",
        arguments: [
            "", "candidate:", "candidate:1 1 udp 1 192.0.2.1 4000", "candidate:1 1 udp 1 192.0.2.1 4000 type host",
            "candidate:1 0 udp 1 192.0.2.1 4000 typ host", "candidate:1 1 udp -1 192.0.2.1 4000 typ host",
            "candidate:1 1 udp 4294967296 192.0.2.1 4000 typ host", "candidate:1 1 udp 1 192.0.2.1 65536 typ host",
            "candidate:1 1 sctp 1 192.0.2.1 4000 typ host", "candidate:1 1 udp 1 192.0.2.1 4000 typ upnp",
            "candidate: 1 udp 1 192.0.2.1 4000 typ host x", "candidate:1 1 udp 1 a/b 4000 typ host",
        ])
    func refused(line: String) { #expect(throws: ICEError.self) { try ICECandidate(sdp: line) } }

    @Test("Priorities are those of RFC 8445 §5.1.2.1")
    func priority() {
        #expect(ICECandidate.priority(.host, localPreference: 65535) == 2_130_706_431)
        #expect(ICECandidate.priority(.serverReflexive, localPreference: 65535) == 1_694_498_815)
    }

    @Test(
        "Server URIs are read",
        arguments: [
            ("stun:stun.example.org", "stun.example.org", 3478, .udp, false),
            ("turn:192.0.2.1:3479", "192.0.2.1", 3479, .udp, true),
            ("turn:example.org?transport=tcp", "example.org", 3478, .tcp, true),
            ("turns:example.org", "example.org", 5349, .tls, true),
            ("turns:[2001:db8::1]:443?transport=tcp", "2001:db8::1", 443, .tls, true),
        ] as [(String, String, UInt16, ICEServer.Address.Transport, Bool)])
    func servers(url: String, host: String, port: UInt16, transport: ICEServer.Address.Transport, isTURN: Bool) throws {
        let server = try ICEServer(urls: [url], username: "u", credential: "c")
        #expect(
            server.addresses == [ICEServer.Address(host: host, port: port, transport: transport, isTURN: isTURN)])
    }

    @Test(
        "What is no server is refused",
        arguments: [
            "", "http://example.org", "stun:", "turn:example.org:0", "turn:example.org:x", "turn:u@example.org",
            "turns:example.org?transport=udp", "stun:example.org?transport=tcp", "turn:[2001:db8::1",
        ])
    func refusedServers(url: String) {
        #expect(throws: ICEError.self) { try ICEServer(urls: [url], username: "u", credential: "c") }
    }

    @Test("A TURN server without credentials is refused")
    func noCredentials() { #expect(throws: ICEError.self) { try ICEServer(urls: ["turn:example.org"]) } }
}
