import Media
import Testing

@testable import WebRTC

@Suite("Multicast DNS (RFC 6762)")
struct MDNSTests {
    private static let name = "1f4712db-ea17-4bcf-a596-105139dfd8bf.local"
    private static let start = MonotonicInstant(nanoseconds: 1)

    /// A response with one A record whose name is written out, and an AAAA record whose name points at it.
    private func response(flags: UInt16 = 0x8400, ttl: UInt32 = 120) -> [UInt8] {
        var bytes: [UInt8] = []
        for field: UInt16 in [0, flags, 0, 2, 0, 0] { bytes.append(bigEndian: field) }
        for label in Self.name.split(separator: ".") { bytes += [UInt8(label.utf8.count)] + label.utf8 }
        bytes.append(0)
        bytes += [0, 1, 0x80, 1]
        bytes.append(bigEndian: ttl)
        bytes += [0, 4, 192, 0, 2, 7]
        bytes += [0xC0, 12, 0, 28, 0x80, 1]
        bytes.append(bigEndian: ttl)
        bytes += [0, 16, 0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]
        return bytes
    }

    private func answers(_ bytes: [UInt8]) -> [MDNSMessage.Answer] { MDNSMessage.answers(bytes.span) }

    @Test("A query asks for both families, and is what RFC 1035 says")
    func query() throws {
        let bytes = try #require(MDNSMessage.query("a1.local"))
        #expect(
            bytes == [0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0]
                + [2, 0x61, 0x31, 5, 0x6C, 0x6F, 0x63, 0x61, 0x6C, 0, 0, 1, 0, 1]
                + [2, 0x61, 0x31, 5, 0x6C, 0x6F, 0x63, 0x61, 0x6C, 0, 0, 28, 0, 1])
        #expect(answers(bytes).isEmpty, "a query answers nothing")
    }

    @Test(
        "Names that no query can hold are refused",
        arguments: ["", ".local", "a..local", String(repeating: "a", count: 64)])
    func badName(name: String) { #expect(MDNSMessage.query(name) == nil) }

    @Test("Both addresses of a response are read, through compression")
    func bothAddresses() {
        let found = answers(response())
        #expect(found.map(\.name) == [Self.name, Self.name])
        #expect(found.map(\.address.ip) == ["192.0.2.7", "2001:db8::7"])
        #expect(found.map(\.ttl) == [120, 120])
        #expect(answers(response(flags: 0x8403)).isEmpty, "an error answers nothing")
    }

    @Test(
        "A pointer at itself, forwards, or past the end, ends the reading", arguments: [12, 13, 14, 0x3FFF] as [UInt16])
    func pointers(target: UInt16) {
        var bytes: [UInt8] = []
        for field: UInt16 in [0, 0x8400, 0, 1, 0, 0, 0xC000 | target, 0, 0, 0, 0, 0] { bytes.append(bigEndian: field) }
        #expect(answers(bytes).isEmpty)
    }

    @Test("A response cut anywhere never traps, and gives no more than is there")
    func cut() {
        let whole = response()
        for count in whole.indices { #expect(answers(Array(whole.prefix(count))).count <= 1) }
    }

    @Test("A name is asked for again until it is answered, and answered once")
    func transcript() {
        var resolver = MDNSResolver()
        let query = MDNSMessage.query(Self.name)!
        resolver.resolve(Self.name.uppercased().replacing("LOCAL", with: "local."), now: Self.start)
        resolver.resolve(Self.name, now: Self.start)
        #expect(resolver.nextAction() == .send(query))
        #expect(resolver.nextAction() == nil)
        #expect(resolver.deadline == Self.start + .milliseconds(250))
        resolver.handleTimeout(now: Self.start + .milliseconds(250))
        #expect(resolver.nextAction() == .send(query))
        #expect(resolver.deadline == Self.start + .milliseconds(750))
        resolver.receive(response(ttl: 0).span, now: Self.start + .milliseconds(300))
        #expect(resolver.nextAction() == nil, "a goodbye is no answer")
        resolver.receive(response().span, now: Self.start + .milliseconds(300))
        guard case .resolved(_, let addresses)? = resolver.nextAction() else {
            Issue.record("no answer")
            return
        }
        #expect(addresses.map(\.ip) == ["192.0.2.7", "2001:db8::7"])
        #expect(resolver.deadline == nil)
    }

    @Test("Nobody's name is given up after four seconds; a name outside of .local is not asked for")
    func givingUp() {
        var resolver = MDNSResolver()
        resolver.resolve(Self.name, now: Self.start)
        resolver.resolve("example.org", now: Self.start)
        _ = resolver.nextAction()
        #expect(resolver.nextAction() == .resolved("example.org", []))
        resolver.handleTimeout(now: Self.start + .seconds(4))
        #expect(resolver.nextAction() == .resolved(Self.name, []))
        #expect(resolver.deadline == nil)
    }
}
