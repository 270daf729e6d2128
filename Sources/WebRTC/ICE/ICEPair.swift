internal import Media

/// Where a check leaves from: one of our sockets, or the relayed address of an allocation.
enum ICEPath: Sendable, Hashable {
    case base(Int)
    case relay(Int)
}

/// A path of ours and an address of the peer, and what the checks between them have shown (RFC 8445 §6.1.2).
struct ICEPair: Sendable {
    enum State: Sendable, Hashable {
        /// The TURN server has not yet let the peer through.
        case preparing
        case waiting
        case inProgress
        case succeeded
        case failed
    }

    /// A check that waits for its answer.
    struct Check: Sendable {
        var transaction: STUNMessage.Transaction
        var bytes: [UInt8]
        var role: ICERole
        var nominates: Bool
        var begun: MonotonicInstant
        var sent: MonotonicInstant
        var sentCount = 1
        /// It was sent again because the peer's check came.
        var isHurried = false
        var interval: Duration

        var next: MonotonicInstant { sent + interval }
    }

    let id: Int
    let path: ICEPath
    let remote: SocketAddress
    let localPriority: UInt32
    var remotePriority: UInt32
    var state: State
    /// To be checked before all others (RFC 8445 §7.3.1.4).
    var isTriggered = false
    var check: Check?
    /// When it was last nominated.
    var nominated: MonotonicInstant?
    /// The controlling peer has nominated the pair before our own check has shown that it works.
    var nominationRequested = false
    /// What the peer saw us as.
    var mapped: SocketAddress?
    var consent: ICEConsent?
    /// Of the latest answered check.
    var roundTrip: Duration?

    /// The priority of RFC 8445 §6.1.2.3.
    func priority(_ role: ICERole) -> UInt64 {
        let (g, d) = role == .controlling ? (localPriority, remotePriority) : (remotePriority, localPriority)
        return UInt64(min(g, d)) << 32 + 2 * UInt64(max(g, d)) + (g > d ? 1 : 0)
    }
}

/// Whether the peer still wants what we send (RFC 7675), for one pair.
struct ICEConsent: Sendable {
    private(set) var lastAnswer: MonotonicInstant
    /// The first check since the last answer.
    private(set) var unansweredSince: MonotonicInstant?
    /// When data last came this way, if any did since the last answer.
    var lastHeard: MonotonicInstant?
    var next: MonotonicInstant
    /// Each check is a new transaction: an answer to any of the latest counts.
    private var outstanding: [(transaction: STUNMessage.Transaction, sent: MonotonicInstant)] = []

    init(answered now: MonotonicInstant, next: MonotonicInstant) {
        lastAnswer = now
        self.next = next
    }

    mutating func asked(_ transaction: STUNMessage.Transaction, now: MonotonicInstant, next: MonotonicInstant) {
        unansweredSince = unansweredSince ?? now
        if outstanding.count == Self.maximumOutstanding { outstanding.removeFirst() }
        outstanding.append((transaction, now))
        self.next = next
    }

    func awaits(_ transaction: STUNMessage.Transaction) -> Bool {
        outstanding.contains { $0.transaction == transaction }
    }

    /// Takes an answer; returns the round trip.
    mutating func answered(
        _ transaction: STUNMessage.Transaction, now: MonotonicInstant, next: MonotonicInstant
    ) -> Duration? {
        let sent = outstanding.first { $0.transaction == transaction }?.sent
        answered(now: now, next: next)
        return sent.map { now - $0 }
    }

    mutating func answered(now: MonotonicInstant, next: MonotonicInstant) {
        outstanding.removeAll(keepingCapacity: true)
        unansweredSince = nil
        lastHeard = nil
        lastAnswer = now
        self.next = next
    }

    private static let maximumOutstanding = 12
}
