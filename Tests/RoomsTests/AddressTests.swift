import Testing
import WebRTC

@testable import Rooms

@Suite("Addresses of services")
struct AddressTests {
    @Test("WebSocket URLs")
    func webSocket() throws {
        let plain = try #require(ServiceURL(webSocket: "ws://host:8188/janus?x=1"))
        #expect(!plain.isSecure && plain.host == "host" && plain.port == 8188 && plain.path == "/janus?x=1")
        let secure = try #require(ServiceURL(webSocket: "wss://[::1]"))
        #expect(secure.isSecure && secure.host == "::1" && secure.port == 443 && secure.authority == "[::1]")
        for text in ["", "http://host", "ws://", "host:8188", "ws://host:99999"] {
            #expect(ServiceURL(webSocket: text) == nil, "\(text)")
        }
    }

    @Test("ICE servers in Link headers (RFC 9725 §4.6)")
    func link() {
        let servers = LinkHeader.iceServers(
            #"<stun:stun.example.net>; rel="ice-server", <turn:turn.example.net?transport=udp>; rel="ice-server"; username="user,1"; credential="my\"Pass;word"; credential-type="password", <https://x>; rel="next", <"#
        )
        #expect(servers.count == 2)
        #expect(servers.last?.username == "user,1" && servers.last?.credential == "my\"Pass;word")
    }

    @Test(
        "A service at a URL of another kind is refused", arguments: ["", "ftp://host", "ws://host"])
    func endpoints(url: String) { #expect(throws: ServiceError.self) { _ = try WHIPService(url: url) } }
}
