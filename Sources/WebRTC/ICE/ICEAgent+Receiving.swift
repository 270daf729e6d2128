package import Media

// What comes in: checks of the peer, answers to ours, and data (RFC 8445 §7.2.5, §7.3).

extension ICEAgent {
    /// Takes a datagram of one of our sockets: any bytes are safe.
    /// - `source`: where it came from; a link-local address with its scope.
    package mutating func receive(
        _ datagram: Span<UInt8>, from source: SocketAddress, on base: Int, now: MonotonicInstant
    ) -> Reception {
        guard state != .closed else { return .ignored }
        if let reception = receiveFromServer(datagram, source, base, now: now) { return reception }
        guard policy == .all else { return .ignored }
        return receive(datagram, from: source, path: .base(base), now: now)
    }

    /// Takes what one of the servers sent; nil where it is none of them, as always in a call without servers.
    private mutating func receiveFromServer(
        _ datagram: Span<UInt8>, _ source: SocketAddress, _ base: Int, now: MonotonicInstant
    ) -> Reception? {
        let relay = relays.firstIndex { $0.base == base && $0.address == source }
        if let relay, TURNChannelData.isChannelData(datagram) {
            return receive(datagram, fromServer: relay, now: now)
        }
        guard relay != nil || !reflexions.isEmpty, let message = try? STUNMessage(parsing: datagram) else { return nil }
        if let relay, message.method == .data || relays[relay].client.awaits(message.transaction) {
            return receive(datagram, fromServer: relay, now: now)
        }
        guard message.messageClass == .success || message.messageClass == .error else { return nil }
        return receiveReflexion(message, from: source, on: base, now: now).map { $0 ? .consumed : .ignored }
    }

    /// Takes what came over a path: directly, or out of an allocation.
    mutating func receive(
        _ bytes: Span<UInt8>, from source: SocketAddress, path: ICEPath, now: MonotonicInstant
    ) -> Reception {
        guard STUNMessage.isSTUN(bytes) else {
            guard takesData(path, source, now: now) else {
                counters.unexpectedData += 1
                return .ignored
            }
            return .payload(0..<bytes.count)
        }
        do throws(STUNError) {
            let message = try STUNMessage(parsing: bytes)
            return receive(message, bytes, from: source, path: path, now: now) ? .consumed : .ignored
        } catch {
            counters.malformed += 1
            return .ignored
        }
    }

    /// Data is taken from where a check was answered for: nobody else may reach the layers above.
    private mutating func takesData(_ path: ICEPath, _ source: SocketAddress, now: MonotonicInstant) -> Bool {
        if let index = session.index(path, source) {
            session.pairs[index].consent?.lastHeard = now
            return true
        }
        guard previous?.pair.path == path, previous?.pair.remote == source else { return false }
        previous?.pair.consent?.lastHeard = now
        return true
    }

    /// Returns whether the message may be believed.
    private mutating func receive(
        _ message: STUNMessage, _ bytes: Span<UInt8>, from source: SocketAddress, path: ICEPath, now: MonotonicInstant
    ) -> Bool {
        guard message.method == .binding else { return false }
        switch message.messageClass {
        case .request: return receiveRequest(message, bytes, from: source, path: path, now: now)
        case .indication: return true  // keeps a NAT's mapping, says nothing
        case .success, .error: return receiveResponse(message, bytes, from: source, path: path, now: now)
        }
    }

    // MARK: Requests

    private mutating func receiveRequest(
        _ request: STUNMessage, _ bytes: Span<UInt8>, from source: SocketAddress, path: ICEPath, now: MonotonicInstant
    ) -> Bool {
        guard state != .failed else { return false }
        guard let username = request.username, let (local, isPrevious) = generation(of: username),
            request.verifies(bytes, key: local.key)
        else {
            counters.forged += 1
            return false
        }
        counters.requestsReceived += 1
        guard request.notUnderstood.isEmpty else {
            answer(request, to: source, path: path, key: local.key, error: 420, now: now)
            return true
        }
        guard resolveConflict(request) else {
            answer(request, to: source, path: path, key: local.key, error: 487, now: now)
            return true
        }
        answer(request, to: source, path: path, key: local.key, error: nil, now: now)
        if !isPrevious {
            let ufrag = Array(username.dropFirst(session.usernamePrefix.count))
            // A generation of the peer that its signalling has not told us yet is answered, no more.
            if session.remote.map({ Array($0.ufrag.utf8) == ufrag }) ?? true {
                learn(request, from: source, path: path, ufrag: ufrag, now: now)
            }
        }
        return true
    }

    /// The credentials of ours that a user name was made for.
    private func generation(of username: [UInt8]) -> (ICECredentials, isPrevious: Bool)? {
        if username.starts(with: session.usernamePrefix) { return (session.local, false) }
        if let previous, username.starts(with: previous.usernamePrefix) { return (previous.local, true) }
        return nil
    }

    /// Where both think that they control, or neither does, the greater tie-breaker controls (RFC 8445 §7.3.1.1).
    /// - Returns: false when it is the peer that has to change.
    private mutating func resolveConflict(_ request: STUNMessage) -> Bool {
        switch role {
        case .controlling:
            guard let theirs = request.controlling else { return true }
            if tieBreaker >= theirs { return false }
            role = .controlled
        case .controlled:
            guard let theirs = request.controlled else { return true }
            if tieBreaker < theirs { return false }
            role = .controlling
        }
        return true
    }

    private mutating func answer(
        _ request: STUNMessage, to source: SocketAddress, path: ICEPath, key: [UInt8], error: Int?,
        now: MonotonicInstant
    ) {
        var writer = STUNWriter(error == nil ? .success : .error, .binding, request.transaction)
        switch error {
        case 420:
            writer.append(errorCode: 420, reason: "Unknown Attribute")
            writer.append(.unknownAttributes, request.notUnderstood.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] })
        case let code?: writer.append(errorCode: code, reason: "Role Conflict")
        case nil: writer.append(.xorMappedAddress, source)
        }
        writer.sign(key)
        transmit(writer.finish(), path: path, to: source, now: now)
    }

    /// Learns from a check of the peer that there is an address, that it can reach us, and what it nominates.
    private mutating func learn(
        _ request: STUNMessage, from source: SocketAddress, path: ICEPath, ufrag: [UInt8], now: MonotonicInstant
    ) {
        guard let index = pair(path, source, request, ufrag: ufrag, now: now) else { return }
        if request.usesCandidate, role == .controlled {
            session.pairs[index].nominationRequested = true
            counters.nominationsReceived += 1
        }
        switch session.pairs[index].state {
        case .succeeded:
            if request.usesCandidate, role == .controlled {
                session.pairs[index].nominated = now
                updateSelection(now: now)
            }
        case .inProgress:
            // The check may have met a NAT that was closed until the peer's own check opened it. The same transaction, so that
            // an answer on its way still counts.
            if session.pairs[index].check?.isHurried == false {
                session.pairs[index].check?.isHurried = true
                sendAgain(index, now: now)
            }
        case .waiting, .failed:
            session.pairs[index].state = .waiting
            session.pairs[index].isTriggered = true
            pump(now: now)
        case .preparing: session.pairs[index].isTriggered = true
        }
    }

    /// The pair that a check came over; makes it, and a peer-reflexive candidate, where it is new (RFC 8445 §7.3.1.3).
    private mutating func pair(
        _ path: ICEPath, _ source: SocketAddress, _ request: STUNMessage, ufrag: [UInt8], now: MonotonicInstant
    ) -> Int? {
        if let index = session.index(path, source) { return index }
        if let known = session.remotes.first(where: { $0.candidate.socketAddress == source }) {
            return addPair(path, known.candidate, now: now)
        }
        guard session.remotes.count < ICESession.maximumRemotes else { return nil }
        let candidate = ICECandidate(
            foundation: String(UInt32.random(in: .min ... .max, using: &generator)),
            priority: request.priority ?? ICECandidate.priority(.peerReflexive, localPreference: 0),
            address: .ip(source), kind: .peerReflexive)
        session.remotes.append(
            ICESession.Remote(candidate: candidate, earlyUfrag: session.remote == nil ? ufrag : nil))
        return addPair(path, candidate, now: now)
    }

    // MARK: Responses

    private mutating func receiveResponse(
        _ response: STUNMessage, _ bytes: Span<UInt8>, from source: SocketAddress, path: ICEPath, now: MonotonicInstant
    ) -> Bool {
        if let previous, previous.pair.consent?.awaits(response.transaction) == true {
            return receivePreviousAnswer(response, bytes, from: source, path: path, previous, now: now)
        }
        guard let index = session.index(of: response.transaction), let remote = session.remote else {
            counters.unexpectedResponses += 1
            return false
        }
        guard response.verifies(bytes, key: remote.key) else {
            counters.forged += 1
            return false
        }
        let pair = session.pairs[index]
        guard pair.path == path, pair.remote == source else {
            // Not symmetric: the pair does not work (RFC 8445 §7.2.5.2.1).
            counters.misdirected += 1
            if pair.state == .inProgress { session.pairs[index].state = .failed }
            session.pairs[index].check = nil
            return false
        }
        counters.responsesReceived += 1
        guard response.messageClass == .success, let mapped = response.mappedAddress else {
            receiveError(response, index, now: now)
            return true
        }
        succeed(index, response.transaction, mapped: mapped, now: now)
        return true
    }

    private mutating func receiveError(_ response: STUNMessage, _ index: Int, now: MonotonicInstant) {
        guard let check = session.pairs[index].check, check.transaction == response.transaction else { return }
        if response.errorCode == 487 {
            // The peer keeps the role that the check claimed (RFC 8445 §7.2.5.1).
            if role == check.role { role = role == .controlling ? .controlled : .controlling }
            session.pairs[index].check = nil
            if session.pairs[index].state == .inProgress { session.pairs[index].state = .waiting }
            session.pairs[index].isTriggered = true
            pump(now: now)
        } else {
            session.pairs[index].check = nil
            if session.pairs[index].state == .inProgress { session.pairs[index].state = .failed }
            failIfNothingIsLeft(now: now)
        }
    }

    private mutating func receivePreviousAnswer(
        _ response: STUNMessage, _ bytes: Span<UInt8>, from source: SocketAddress, path: ICEPath,
        _ previous: ICEPreviousSession, now: MonotonicInstant
    ) -> Bool {
        guard response.verifies(bytes, key: previous.remote.key) else {
            counters.forged += 1
            return false
        }
        guard previous.pair.path == path, previous.pair.remote == source else {
            counters.misdirected += 1
            return false
        }
        counters.responsesReceived += 1
        guard response.messageClass == .success else { return true }
        var pair = previous.pair
        pair.roundTrip = pair.consent?.answered(response.transaction, now: now, next: nextConsent(now))
        self.previous?.pair = pair
        if state == .disconnected { set(.connected) }
        return true
    }
}
