internal import Media

// Which pair data takes, and whether the peer still wants it there (RFC 8445 §8, RFC 7675).

extension ICEAgent {
    /// A check of a pair, or a consent check, was answered.
    mutating func succeed(
        _ index: Int, _ transaction: STUNMessage.Transaction, mapped: SocketAddress, now: MonotonicInstant
    ) {
        var pair = session.pairs[index]
        let next = nextConsent(now)
        if let check = pair.check, check.transaction == transaction {
            if check.sentCount == 1 { pair.roundTrip = now - check.sent }
            if pair.consent == nil { pair.consent = ICEConsent(answered: now, next: next) }
            pair.consent?.answered(now: now, next: next)
            pair.state = .succeeded
            if role == .controlling ? check.nominates : pair.nominationRequested { pair.nominated = now }
            pair.check = nil
        } else if let roundTrip = pair.consent?.answered(transaction, now: now, next: next) {
            pair.roundTrip = roundTrip
        }
        pair.mapped = mapped
        session.pairs[index] = pair
        updateSelection(now: now)
        if session.selected == pair.id { set(.connected) }
    }

    /// Takes the best pair that works, and nominates it where that is ours to do.
    mutating func updateSelection(now: MonotonicInstant) {
        guard state != .closed, state != .failed, let best = bestPair else { return }
        if session.pairs[best].id != session.selected { select(best) }
        if role == .controlling, session.pairs[best].nominated == nil, session.pairs[best].check == nil {
            begin(best, now: now)
        }
    }

    /// The pair that data should take: the selected one, unless it does not work or another is better.
    private var bestPair: Int? {
        var best = session.selectedIndex.flatMap { isUsable(session.pairs[$0]) ? $0 : nil }
        for index in session.pairs.indices where index != best && isUsable(session.pairs[index]) {
            if best.map({ isBetter(session.pairs[index], than: session.pairs[$0]) }) ?? true { best = index }
        }
        return best
    }

    private func isBetter(_ a: ICEPair, than b: ICEPair) -> Bool {
        let isSelected = b.id == session.selected
        let isHigher = a.priority(role) > b.priority(role)
        // Where we control, a pair that works is left for one with fewer servers in between only.
        if role == .controlling { return isSelected ? relays(a) < relays(b) : isHigher }
        guard let nominated = a.nominated else { return b.nominated == nil && !isSelected && isHigher }
        guard let other = b.nominated else { return true }
        // Peers of RFC 5245 nominate many pairs at first, of which the highest counts; one nominated later is where the peer
        // wants to go, unless it is through more servers.
        if nominated > other + Self.nominations { return relays(a) <= relays(b) }
        return isHigher && other <= nominated + Self.nominations
    }

    private static let nominations = Duration.seconds(1)

    private func isUsable(_ pair: ICEPair) -> Bool {
        let isSilent = state == .disconnected && pair.consent?.unansweredSince != nil
        return pair.state == .succeeded && !isSilent && route(pair) != nil
    }

    /// How many servers stand between the two ends of a pair.
    private func relays(_ pair: ICEPair) -> Int {
        var count = 0
        if case .relay = pair.path { count += 1 }
        if remoteCandidate(pair)?.kind == .relayed { count += 1 }
        return count
    }

    private mutating func select(_ index: Int) {
        session.selected = session.pairs[index].id
        previous = nil
        selected = route(session.pairs[index])
        if let selected { perform(.selected(selected)) }
        set(.connected)
    }

    /// The pair that data took is gone, and no other works.
    mutating func loseSelection(now: MonotonicInstant) {
        selected = nil
        lost = now
        if state == .connected { set(.disconnected) }
        checkAnew()
    }

    /// All pairs but the selected one are checked once more: the network may have changed.
    private mutating func checkAnew() {
        for index in session.pairs.indices {
            let pair = session.pairs[index]
            guard pair.id != session.selected, pair.state != .preparing else { continue }
            session.pairs[index].state = .waiting
            session.pairs[index].check = nil
            session.pairs[index].nominated = nil
            session.pairs[index].nominationRequested = false
        }
    }

    private func remoteCandidate(_ pair: ICEPair) -> ICECandidate? {
        session.remotes.first {
            $0.candidate.socketAddress?.host == pair.remote.host && $0.candidate.socketAddress?.port == pair.remote.port
        }?.candidate
    }

    /// How data goes over a pair; nil while it cannot.
    private func route(_ pair: ICEPair) -> ICERoute? {
        guard let remote = remoteCandidate(pair), let local = localCandidate(pair) else { return nil }
        switch pair.path {
        case .base(let base):
            return ICERoute(
                base: base, stream: nil, destination: pair.remote, channel: nil, local: local, remote: remote)
        case .relay(let id):
            guard let relay = relays.first(where: { $0.id == id }),
                let channel = relay.client.channel(to: pair.remote)
            else { return nil }
            return ICERoute(
                base: relay.base, stream: relay.base == nil ? id : nil, destination: relay.address, channel: channel,
                local: local, remote: remote)
        }
    }

    /// The candidate of ours that the peer sees a pair come from (RFC 8445 §7.2.5.3.1).
    private func localCandidate(_ pair: ICEPair) -> ICECandidate? {
        let ours = locals.filter { $0.path == pair.path }.map(\.candidate)
        guard let own = ours.first(where: { $0.kind != .serverReflexive }), let base = own.socketAddress else {
            return nil
        }
        guard let mapped = pair.mapped, (mapped.host, mapped.port) != (base.host, base.port) else { return own }
        if let known = ours.first(where: { $0.socketAddress == mapped }) { return known }
        return ICECandidate(
            foundation: Self.foundation(.peerReflexive, base: base, server: nil),
            priority: ICECandidate.Kind.peerReflexive.preference << 24 | own.priority & 0xFF_FFFF,
            address: .ip(mapped), kind: .peerReflexive, relatedAddress: base)
    }

    // MARK: Consent

    /// A time around the consent interval (RFC 7675 §5.1).
    mutating func nextConsent(_ now: MonotonicInstant) -> MonotonicInstant {
        let share = Int64.random(in: 800...1200, using: &generator)
        return now + .nanoseconds(timings.consentInterval.nanoseconds / 1000 * share)
    }

    func consentDeadline(_ pair: ICEPair) -> MonotonicInstant? {
        guard let consent = pair.consent else { return nil }
        var deadline = min(dueConsent(consent), consent.lastAnswer + timings.consentTimeout)
        if state == .connected, let since = consent.unansweredSince {
            deadline = min(deadline, since + timings.disconnectTimeout)
        }
        return deadline
    }

    /// When the next check is due: early where data came, and stopped.
    private func dueConsent(_ consent: ICEConsent) -> MonotonicInstant {
        guard consent.unansweredSince == nil, let heard = consent.lastHeard else { return consent.next }
        return min(consent.next, heard + timings.silence)
    }

    mutating func askConsent(now: MonotonicInstant) {
        if let previous {
            if let pair = asked(previous.pair, local: previous.local, remote: previous.remote, now: now) {
                self.previous?.pair = pair
                watch(pair, now: now)
            } else {
                self.previous = nil
                selected = nil
                if state != .failed { set(.checking) }
            }
        }
        if let index = session.selectedIndex, let remote = session.remote {
            if let pair = asked(session.pairs[index], local: session.local, remote: remote, now: now) {
                session.pairs[index] = pair
                watch(pair, now: now)
            } else {
                fail()
            }
        }
    }

    /// Asks for consent where it is due; nil when it has expired.
    private mutating func asked(
        _ pair: ICEPair, local: ICECredentials, remote: ICECredentials, now: MonotonicInstant
    ) -> ICEPair? {
        guard let consent = pair.consent else { return pair }
        guard now < consent.lastAnswer + timings.consentTimeout else { return nil }
        guard now >= dueConsent(consent) else { return pair }
        var pair = pair
        let (transaction, bytes) = checkMessage(pair, local: local, remote: remote, nominates: false)
        pair.consent?.asked(transaction, now: now, next: now + timings.consentRetry)
        counters.requestsSent += 1
        transmit(bytes, path: pair.path, to: pair.remote, now: now)
        return pair
    }

    /// Notices that a pair has gone silent.
    private mutating func watch(_ pair: ICEPair, now: MonotonicInstant) {
        guard state == .connected, let since = pair.consent?.unansweredSince, now >= since + timings.disconnectTimeout
        else { return }
        set(.disconnected)
        checkAnew()
        probeRelays(now: now)
    }

    // MARK: Failure

    mutating func fail() {
        session.selected = nil
        previous = nil
        selected = nil
        for index in session.pairs.indices { session.pairs[index].check = nil }
        set(.failed)
    }

    /// Fails where no check is left that could succeed, and nothing more will come (RFC 8445 §6.1.2.6, RFC 8838 §8.2).
    mutating func failIfNothingIsLeft(now: MonotonicInstant) {
        guard state == .checking, session.hasAllRemotes, session.unresolved.isEmpty, isGatheringAnnounced,
            !session.pairs.isEmpty, session.pairs.allSatisfy({ $0.state == .failed })
        else { return }
        fail()
    }
}
