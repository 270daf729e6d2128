package import Media

/// Finds the addresses of `….local` names, which browsers put into their candidates in place of addresses
/// (draft-ietf-mmusic-mdns-ice-candidates), by multicast DNS.
///
/// It sends nothing itself. Its owner has a socket that is bound to port 5353 (shared: SO_REUSEADDR and SO_REUSEPORT) and
/// has joined ``group`` on every interface, since responders answer to the group; it gives what comes to
/// ``receive(_:now:)`` and sends each `.send` to the group on every interface.
///
/// Thread: one owner at a time.
package struct MDNSResolver: Sendable {
    package enum Action: Sendable, Hashable {
        /// Send this to ``group``.
        case send([UInt8])
        /// The name's addresses, their ports 0; none where nobody answered.
        case resolved(String, [SocketAddress])
    }

    /// 224.0.0.251:5353 (RFC 6762 §3).
    package static let group = SocketAddress(host: .v4(0xE000_00FB), port: 5353)

    private struct Query: Sendable {
        let name: String
        let key: String
        let bytes: [UInt8]
        let begun: MonotonicInstant
        var next: MonotonicInstant
        var interval: Duration
    }

    private var queries: [Query] = []
    private var actions: [Action] = []

    package init() {}

    /// Begins to look a name up; a name that is looked up already is not asked for twice.
    package mutating func resolve(_ name: String, now: MonotonicInstant) {
        let key = Self.key(name)
        guard !queries.contains(where: { $0.key == key }) else { return }
        guard queries.count < Self.maximumQueries, key.hasSuffix(".local"), let bytes = MDNSMessage.query(key) else {
            actions.append(.resolved(name, []))
            return
        }
        queries.append(
            Query(
                name: name, key: key, bytes: bytes, begun: now, next: now + Self.firstInterval,
                interval: Self.firstInterval))
        actions.append(.send(bytes))
    }

    /// Takes a datagram of port 5353: any bytes are safe.
    package mutating func receive(_ datagram: Span<UInt8>, now: MonotonicInstant) {
        guard !queries.isEmpty else { return }
        let answers = MDNSMessage.answers(datagram).filter { $0.ttl > 0 }
        for index in queries.indices.reversed() {
            let addresses = answers.filter { $0.name == queries[index].key }.map(\.address)
            guard !addresses.isEmpty else { continue }
            actions.append(.resolved(queries.remove(at: index).name, addresses))
        }
    }

    /// When ``handleTimeout(now:)`` is due; nil is never.
    package var deadline: MonotonicInstant? { queries.map { min($0.next, $0.begun + Self.timeout) }.min() }

    package mutating func handleTimeout(now: MonotonicInstant) {
        for index in queries.indices.reversed() {
            if now >= queries[index].begun + Self.timeout {
                actions.append(.resolved(queries.remove(at: index).name, []))
            } else if now >= queries[index].next {
                queries[index].interval = queries[index].interval * 2
                queries[index].next = now + queries[index].interval
                actions.append(.send(queries[index].bytes))
            }
        }
    }

    package mutating func nextAction() -> Action? { actions.isEmpty ? nil : actions.removeFirst() }

    private static func key(_ name: String) -> String {
        let lower = name.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }

    /// A lost multicast must not cost a second (RFC 6762 §5.2 asks for one of queriers that never stop).
    private static let firstInterval = Duration.milliseconds(250)
    private static let timeout = Duration.seconds(4)
    private static let maximumQueries = 64
}
