package import Media

// The checks: which pairs there are, when each is checked, and when again (RFC 8445 §6.1, §7.2).

extension ICEAgent {
    /// When ``handleTimeout(now:)`` is due; nil is never. It may change with every call.
    package var deadline: MonotonicInstant? {
        guard state != .closed else { return nil }
        var earliest = gatheringDeadline
        func consider(_ instant: MonotonicInstant?) {
            if let instant, earliest.map({ instant < $0 }) ?? true { earliest = instant }
        }
        guard state != .failed else { return earliest }
        for pair in session.pairs {
            if let check = pair.check { consider(min(check.next, check.begun + timings.checkTimeout)) }
            if pair.state == .waiting, session.remote != nil { consider(nextCheck) }
        }
        if let index = session.selectedIndex { consider(consentDeadline(session.pairs[index])) }
        if let previous { consider(consentDeadline(previous.pair)) }
        consider(failure)
        return earliest
    }

    /// Does what is due. Early calls do nothing, late ones do it late.
    package mutating func handleTimeout(now: MonotonicInstant) {
        guard state != .closed else { return }
        continueGathering(now: now)
        guard state != .failed else { return }
        repeatChecks(now: now)
        askConsent(now: now)
        if let failure, now >= failure { fail() }
        pump(now: now)
    }

    /// When an agent without a pair has failed.
    private var failure: MonotonicInstant? {
        switch state {
        case .checking: session.begun.map { $0 + timings.connectTimeout }
        case .disconnected where selected == nil: lost.map { $0 + timings.consentTimeout }
        default: nil
        }
    }

    /// Sends the checks that may leave now.
    mutating func pump(now: MonotonicInstant) {
        guard session.remote != nil, state != .closed, state != .failed else { return }
        for index in session.pairs.indices
        where session.pairs[index].isTriggered && session.pairs[index].state != .preparing {
            begin(index, now: now)
        }
        guard nextCheck.map({ now >= $0 }) ?? true, let index = nextWaiting else { return }
        begin(index, now: now)
        nextCheck = now + timings.pacing
    }

    /// The pair of the highest priority that waits for its first check.
    private var nextWaiting: Int? {
        var best: Int?
        for index in session.pairs.indices where session.pairs[index].state == .waiting {
            if best.map({ session.pairs[index].priority(role) > session.pairs[$0].priority(role) }) ?? true {
                best = index
            }
        }
        return best
    }

    /// Pairs a path of ours with a candidate of the peer, where data could go between them.
    @discardableResult
    mutating func addPair(_ path: ICEPath, _ candidate: ICECandidate, now: MonotonicInstant) -> Int? {
        guard var remote = candidate.socketAddress, let local = localEnd(path) else { return nil }
        guard local.address.isIPv6 == remote.isIPv6, local.address.isLinkLocal == remote.isLinkLocal else { return nil }
        if remote.isLinkLocal, remote.scope == 0 { remote.scope = local.address.scope }
        if policy == .relay, case .base = path { return nil }
        if let index = session.index(path, remote) { return index }
        if session.pairs.count >= ICESession.maximumPairs {
            guard let failed = session.pairs.firstIndex(where: { $0.state == .failed }) else { return nil }
            session.pairs.remove(at: failed)
        }
        var pair = ICEPair(
            id: nextPairID, path: path, remote: remote, localPriority: local.priority,
            remotePriority: candidate.priority, state: .waiting)
        if case .relay = path { pair.state = .preparing }
        nextPairID += 1
        session.pairs.append(pair)
        if case .relay(let id) = path, let relay = relays.firstIndex(where: { $0.id == id }) {
            relays[relay].client.bind(remote, using: &generator, now: now)
            serve(relay, now: now)
        }
        return session.index(path, remote)
    }

    /// The address and priority with which a path takes part in pairs.
    private func localEnd(_ path: ICEPath) -> (address: SocketAddress, priority: UInt32)? {
        guard
            let candidate = locals.first(where: { $0.path == path && $0.candidate.kind != .serverReflexive })?
                .candidate,
            let address = candidate.socketAddress
        else { return nil }
        return (address, candidate.priority)
    }

    /// Sends a pair's first check, or the one that nominates it.
    mutating func begin(_ index: Int, now: MonotonicInstant) {
        guard let remote = session.remote else { return }
        var pair = session.pairs[index]
        pair.isTriggered = false
        let nominates =
            role == .controlling
            && (pair.state == .succeeded || (session.selected == nil && !session.isRemoteLite))
        let (transaction, bytes) = checkMessage(
            pair, local: session.local, remote: remote, nominates: nominates)
        pair.check = ICEPair.Check(
            transaction: transaction, bytes: bytes, role: role, nominates: nominates, begun: now, sent: now,
            interval: timings.retransmission)
        if pair.state != .succeeded { pair.state = .inProgress }
        session.pairs[index] = pair
        counters.requestsSent += 1
        transmit(bytes, path: pair.path, to: pair.remote, now: now)
    }

    private mutating func repeatChecks(now: MonotonicInstant) {
        for index in session.pairs.indices {
            guard let check = session.pairs[index].check else { continue }
            if now >= check.begun + timings.checkTimeout {
                session.pairs[index].check = nil
                if session.pairs[index].state == .inProgress { session.pairs[index].state = .failed }
            } else if now >= check.next {
                let isEager = now < check.begun + timings.eagerPeriod
                let longest = isEager ? timings.eagerRetransmission : timings.maximumRetransmission
                let interval = min(check.interval * 2, longest)
                session.pairs[index].check?.interval = interval
                sendAgain(index, now: now)
            }
        }
        failIfNothingIsLeft(now: now)
    }

    /// Sends the check of a pair once more, the same transaction.
    mutating func sendAgain(_ index: Int, now: MonotonicInstant) {
        guard var check = session.pairs[index].check else { return }
        check.sent = now
        check.sentCount += 1
        session.pairs[index].check = check
        counters.requestsSent += 1
        transmit(check.bytes, path: session.pairs[index].path, to: session.pairs[index].remote, now: now)
    }

    /// A Binding request over a pair (RFC 8445 §7.1).
    mutating func checkMessage(
        _ pair: ICEPair, local: ICECredentials, remote: ICECredentials, nominates: Bool
    ) -> (STUNMessage.Transaction, [UInt8]) {
        let transaction = STUNMessage.Transaction(using: &generator)
        var writer = STUNWriter(.request, .binding, transaction)
        writer.append(.username, "\(remote.ufrag):\(local.ufrag)")
        writer.append(role == .controlling ? .controlling : .controlled, tieBreaker)
        writer.append(.priority, reflexivePriority(pair))
        if nominates { writer.append(flag: .useCandidate) }
        writer.sign(remote.key)
        return (transaction, writer.finish())
    }

    /// The priority that the path would have as a peer-reflexive candidate (RFC 8445 §7.1.1); a relayed path keeps its
    /// own, or a peer that has not heard of it yet would prefer it to direct ones.
    private func reflexivePriority(_ pair: ICEPair) -> UInt32 {
        if case .relay = pair.path { return pair.localPriority }
        return ICECandidate.Kind.peerReflexive.preference << 24 | pair.localPriority & 0xFF_FFFF
    }

    mutating func transmit(_ bytes: [UInt8], path: ICEPath, to remote: SocketAddress, now: MonotonicInstant) {
        switch path {
        case .base(let id): perform(.send(bytes, base: id, to: remote))
        case .relay(let id):
            guard let index = relays.firstIndex(where: { $0.id == id }) else { return }
            relays[index].client.send(bytes, to: remote, using: &generator)
            serve(index, now: now)
        }
    }
}

extension SocketAddress {
    /// fe80::/10.
    var isLinkLocal: Bool { if case .v6(let high, _) = host { high >> 54 == 0x3FA } else { false } }
}
