import Testing

@testable import WebRTC

@Suite("Socket addresses")
struct SocketAddressTests {
    @Test("text there and back", arguments: ["192.0.2.1", "2001:db8::1", "::", "0.0.0.0", "fe80::1"])
    func roundTrip(ip: String) throws {
        #expect(try #require(SocketAddress(ip: ip, port: 9)).ip == ip)
    }

    @Test("what is no address is refused", arguments: ["", "localhost", "1.2.3", "1.2.3.4.5", "2001:db8:::1"])
    func refused(ip: String) { #expect(SocketAddress(ip: ip, port: 9) == nil) }
}
