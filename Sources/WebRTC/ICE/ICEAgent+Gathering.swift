package import Media

// Candidates that servers give: server-reflexive ones by STUN, relayed ones by TURN (RFC 8445 §5.1.1.2).

extension ICEAgent {
    /// Asks the servers about a socket.
    mutating func gather(_ base: Base, now: MonotonicInstant) {
        for index in servers.indices {
            switch servers[index].resolution {
            case .notAsked:
                servers[index].resolution = .asked
                perform(.resolve(name: servers[index].address.host))
            case .asked: break
            case .done: gather(base, from: index, now: now)
            }
        }
    }

    /// Takes the addresses of a server.
    mutating func resolvedServers(_ name: String, to addresses: [SocketAddress], now: MonotonicInstant) {
        for index in servers.indices
        where servers[index].resolution == .asked && servers[index].address.host == name {
            let port = servers[index].address.port
            servers[index].resolution = .done(
                addresses.map { SocketAddress(host: $0.host, port: port, scope: $0.scope) })
            if addresses.isEmpty {
                perform(.serverFailed(TURNError(.unresolved, "no address is known for '\(name)'")))
            }
            for base in bases { gather(base, from: index, now: now) }
        }
    }

    private mutating func gather(_ base: Base, from index: Int, now: MonotonicInstant) {
        let server = servers[index]
        if server.address.transport == .udp {
            guard let address = server.addresses.first(where: { $0.isIPv6 == base.address.isIPv6 }),
                !base.address.isLinkLocal
            else { return }
            if server.address.isTURN {
                allocate(index, at: address, base: base.id, now: now)
            } else if policy == .all {
                reflect(base.id, at: address, now: now)
            }
        } else if !server.hasStream, let address = server.addresses.first {
            servers[index].hasStream = true
            allocate(index, at: address, base: nil, now: now)
        }
    }

    // MARK: STUN

    private mutating func reflect(_ base: Int, at server: SocketAddress, now: MonotonicInstant) {
        guard !reflexions.contains(where: { $0.base == base && $0.server == server }) else { return }
        let (transaction, bytes) = reflexionRequest()
        reflexions.append(
            ICEReflexion(
                base: base, server: server, transaction: transaction, bytes: bytes, begun: now, sent: now,
                interval: timings.retransmission * 2))
        perform(.send(bytes, base: base, to: server))
    }

    private mutating func reflexionRequest() -> (STUNMessage.Transaction, [UInt8]) {
        let transaction = STUNMessage.Transaction(using: &generator)
        return (transaction, STUNWriter(.request, .binding, transaction).finish())
    }

    /// Takes a STUN server's answer; nil where it is none.
    mutating func receiveReflexion(
        _ message: STUNMessage, from source: SocketAddress, on base: Int, now: MonotonicInstant
    ) -> Bool? {
        guard
            let index = reflexions.firstIndex(where: {
                $0.transaction == message.transaction && $0.base == base && !$0.isSettled
            })
        else { return nil }
        guard reflexions[index].server == source else {
            counters.misdirected += 1
            return false
        }
        reflexions[index].isSettled = true
        reflexions[index].sent = now
        guard message.messageClass == .success, let mapped = message.mappedAddress else { return true }
        reflexions[index].isAnswered = true
        addReflexive(mapped, base: base, server: source, now: now)
        return true
    }

    /// Adds what a server saw a socket as; nothing where that is known (RFC 8445 §5.1.3).
    private mutating func addReflexive(
        _ mapped: SocketAddress, base id: Int, server: SocketAddress, now: MonotonicInstant
    ) {
        guard let base = bases.first(where: { $0.id == id }),
            !locals.contains(where: { $0.candidate.socketAddress == mapped })
        else { return }
        addLocal(
            .base(id),
            ICECandidate(
                foundation: Self.foundation(.serverReflexive, base: base.address, server: server),
                priority: ICECandidate.priority(.serverReflexive, localPreference: base.localPreference),
                address: .ip(mapped), kind: .serverReflexive, relatedAddress: base.address), now: now)
    }

    private mutating func repeatReflexions(now: MonotonicInstant) {
        for index in reflexions.indices {
            var reflexion = reflexions[index]
            if reflexion.isSettled {
                guard reflexion.isAnswered, now >= reflexion.sent + timings.keepalive else { continue }
                (reflexion.transaction, reflexion.bytes) = reflexionRequest()
                reflexion.isSettled = false
                reflexion.begun = now
                reflexion.interval = timings.retransmission * 2
            } else if now >= reflexion.begun + timings.gatheringTimeout {
                reflexions[index].isSettled = true
                reflexions[index].sent = now
                continue
            } else if now < reflexion.sent + reflexion.interval {
                continue
            } else {
                reflexion.interval = min(reflexion.interval * 2, timings.maximumRetransmission)
            }
            reflexion.sent = now
            reflexions[index] = reflexion
            perform(.send(reflexion.bytes, base: reflexion.base, to: reflexion.server))
        }
    }

    // MARK: TURN

    private mutating func allocate(
        _ server: Int, at address: SocketAddress, base: Int?, losses: Int = 0, now: MonotonicInstant
    ) {
        var relay = ICERelay(
            id: nextRelayID, server: server, base: base, address: address,
            client: TURNClient(
                username: servers[server].username, password: servers[server].credential,
                wantsIPv6: base != nil && address.isIPv6, isStream: base == nil, timings: timings))
        relay.losses = losses
        nextRelayID += 1
        relays.append(relay)
        beginRelay(relays.count - 1, now: now)
    }

    private mutating func beginRelay(_ index: Int, now: MonotonicInstant) {
        if relays[index].base != nil {
            relays[index].client.start(using: &generator, now: now)
            serve(index, now: now)
        } else {
            let address = servers[relays[index].server].address
            perform(
                .openStream(
                    id: relays[index].id, to: relays[index].address,
                    tlsName: address.transport == .tls ? address.host : nil))
        }
    }

    /// Answers ``Action/openStream(id:to:tlsName:)``: the stream is connected, its TLS done and its certificate checked.
    package mutating func streamOpened(_ id: Int, now: MonotonicInstant) {
        guard state != .closed, let index = relays.firstIndex(where: { $0.id == id && $0.base == nil && !$0.isOpen })
        else { return }
        relays[index].isOpen = true
        relays[index].client.start(using: &generator, now: now)
        serve(index, now: now)
    }

    /// A stream could not be opened, or has ended: its allocation is gone.
    package mutating func streamClosed(_ id: Int, now: MonotonicInstant) {
        guard state != .closed, let index = relays.firstIndex(where: { $0.id == id && $0.base == nil }) else { return }
        lose(relays.remove(at: index), TURNError(.streamClosed, "the stream to the server is closed"), now: now)
    }

    /// Takes what came over a stream to a TURN server: any bytes, cut anywhere.
    /// - `payload`: gets each piece of the peer's data; it must not call the agent.
    package mutating func receiveStream(
        _ bytes: Span<UInt8>, id: Int, now: MonotonicInstant, payload: (Span<UInt8>) -> Void
    ) {
        guard state != .closed, let index = relays.firstIndex(where: { $0.id == id && $0.isOpen }) else { return }
        var reader = relays[index].reader
        relays[index].reader = TURNStreamReader()
        reader.append(bytes)
        do throws(TURNError) {
            while let range = try reader.next() {
                let message = reader.bytes.span.extracting(range)
                guard let index = relays.firstIndex(where: { $0.id == id }) else { return }
                if case .payload(let data) = receive(message, fromServer: index, now: now) {
                    payload(message.extracting(data))
                }
            }
            if let index = relays.firstIndex(where: { $0.id == id }) { relays[index].reader = reader }
        } catch {
            counters.malformed += 1
            drop(id, error, now: now)
        }
    }

    /// Takes a message of a TURN server.
    mutating func receive(_ bytes: Span<UInt8>, fromServer index: Int, now: MonotonicInstant) -> Reception {
        let id = relays[index].id
        let data: TURNClient.Data?
        if TURNChannelData.isChannelData(bytes) {
            data = relays[index].client.receive(channelData: bytes)
            guard data != nil else { return .ignored }
        } else {
            guard let message = try? STUNMessage(parsing: bytes) else {
                counters.malformed += 1
                return .ignored
            }
            data = relays[index].client.receive(message, bytes, using: &generator, now: now)
            serve(index, now: now)
        }
        guard let data else { return .consumed }
        let reception = receive(bytes.extracting(data.range), from: data.peer, path: .relay(id), now: now)
        guard case .payload(let range) = reception else { return reception }
        return .payload(data.range.lowerBound + range.lowerBound..<data.range.lowerBound + range.upperBound)
    }

    /// Does what a client wants done.
    mutating func serve(_ index: Int, now: MonotonicInstant) {
        let id = relays[index].id
        while let index = relays.firstIndex(where: { $0.id == id }), let output = relays[index].client.nextOutput() {
            switch output {
            case .send(let bytes):
                if let base = relays[index].base {
                    perform(.send(bytes, base: base, to: relays[index].address))
                } else {
                    perform(.sendStream(bytes, id: id))
                }
            case .allocated(let relayed, let mapped): addRelayed(index, relayed, mapped: mapped, now: now)
            case .bound(let peer): prepared(id, peer, isBound: true, now: now)
            case .bindFailed(let peer, _): prepared(id, peer, isBound: false, now: now)
            case .alternate(let address): redirect(index, to: address, now: now)
            case .failed(let error): drop(id, error, now: now)
            }
        }
    }

    private mutating func addRelayed(
        _ index: Int, _ relayed: SocketAddress, mapped: SocketAddress, now: MonotonicInstant
    ) {
        relays[index].allocated = now
        // What comes after the end of candidates was told has an end of its own.
        isGatheringAnnounced = false
        let relay = relays[index]
        let base = bases.first { $0.id == relay.base }
        if let base, policy == .all { addReflexive(mapped, base: base.id, server: relay.address, now: now) }
        // Of two relays the one that is reached without a stream is better.
        let rank: UInt16 =
            switch servers[relay.server].address.transport {
            case .udp: 2
            case .tcp: 1
            case .tls: 0
            }
        let preference = rank << 14 | (base?.localPreference ?? 0) >> 2
        addLocal(
            .relay(relay.id),
            ICECandidate(
                foundation: Self.foundation(.relayed, base: base?.address ?? mapped, server: relay.address),
                priority: ICECandidate.priority(.relayed, localPreference: preference), address: .ip(relayed),
                kind: .relayed, relatedAddress: mapped), now: now)
        pump(now: now)
    }

    /// The server lets a peer through, or does not.
    private mutating func prepared(_ id: Int, _ peer: SocketAddress, isBound: Bool, now: MonotonicInstant) {
        guard let pair = session.index(.relay(id), peer) else { return }
        if isBound, session.pairs[pair].state == .preparing {
            session.pairs[pair].state = .waiting
            pump(now: now)
        } else if !isBound {
            session.pairs[pair].state = .failed
            session.pairs[pair].check = nil
            failIfNothingIsLeft(now: now)
        }
    }

    /// Asks another server, as the first wants it (RFC 8489 §10).
    private mutating func redirect(_ index: Int, to address: SocketAddress, now: MonotonicInstant) {
        var relay = relays[index]
        guard relay.redirections < Self.maximumRedirections, address.isIPv6 == relay.address.isIPv6 else {
            drop(relay.id, TURNError(.redirectedTooOften, "the server sends us to others without end"), now: now)
            return
        }
        let old = relays.remove(at: index)
        if old.base == nil { perform(.closeStream(id: old.id)) }
        relay = ICERelay(
            id: nextRelayID, server: old.server, base: old.base, address: address,
            client: TURNClient(
                username: servers[old.server].username, password: servers[old.server].credential,
                wantsIPv6: old.base != nil && address.isIPv6, isStream: old.base == nil, timings: timings))
        relay.redirections = old.redirections + 1
        nextRelayID += 1
        relays.append(relay)
        beginRelay(relays.count - 1, now: now)
    }

    private static let maximumRedirections = 3

    private mutating func drop(_ id: Int, _ error: TURNError, now: MonotonicInstant) {
        guard let index = relays.firstIndex(where: { $0.id == id }) else { return }
        let relay = relays.remove(at: index)
        if relay.base == nil { perform(.closeStream(id: id)) }
        lose(relay, error, now: now)
    }

    /// An allocation is gone, or was not had. Another is asked for: at once where it had served for a while, later and later
    /// where it had not.
    private mutating func lose(_ relay: ICERelay, _ error: TURNError, now: MonotonicInstant) {
        let hasServed = relay.allocated.map { now - $0 >= timings.maximumRelayRetry } ?? false
        if relay.allocated != nil || error.mayPass {
            let losses = hasServed ? 0 : relay.losses
            var wait = min(timings.relayRetry * Int(1 << min(losses, 16)), timings.maximumRelayRetry)
            if hasServed { wait = .zero }
            if [.quotaReached, .insufficientCapacity].contains(error.code) { wait = timings.exhaustedRelayRetry }
            lostRelays.append(
                ICELostRelay(
                    server: relay.server, base: relay.base,
                    // Not where it was sent on to.
                    address: servers[relay.server].addresses.first { $0.isIPv6 == relay.address.isIPv6 }
                        ?? relay.address,
                    losses: losses + 1, due: now + wait))
        }
        perform(.serverFailed(error))
        removePaths(now: now) { $0 == .relay(relay.id) }
    }

    private mutating func allocateAgain(now: MonotonicInstant) {
        let due = lostRelays.filter { now >= $0.due }
        lostRelays.removeAll { now >= $0.due }
        for lost in due { allocate(lost.server, at: lost.address, base: lost.base, losses: lost.losses, now: now) }
    }

    /// Data comes no more: the servers are asked whether they still relay it.
    mutating func probeRelays(now: MonotonicInstant) {
        for id in relays.map(\.id) {
            guard let index = relays.firstIndex(where: { $0.id == id }) else { continue }
            relays[index].client.probe(using: &generator, now: now)
            serve(index, now: now)
        }
    }

    // MARK: Time

    var gatheringDeadline: MonotonicInstant? {
        var deadline: MonotonicInstant?
        func consider(_ instant: MonotonicInstant) { deadline = min(deadline ?? instant, instant) }
        for reflexion in reflexions {
            if !reflexion.isSettled {
                consider(min(reflexion.sent + reflexion.interval, reflexion.begun + timings.gatheringTimeout))
            } else if reflexion.isAnswered {
                consider(reflexion.sent + timings.keepalive)
            }
        }
        for relay in relays { if let due = relay.client.deadline { consider(due) } }
        for lost in lostRelays { consider(lost.due) }
        if !isGatheringAnnounced, !isGatheringOver, let gatheringBegun {
            consider(gatheringBegun + timings.gatheringTimeout)
        }
        return deadline
    }

    mutating func continueGathering(now: MonotonicInstant) {
        repeatReflexions(now: now)
        for id in relays.map(\.id) {
            guard let index = relays.firstIndex(where: { $0.id == id }) else { continue }
            relays[index].client.handleTimeout(using: &generator, now: now)
            serve(index, now: now)
        }
        allocateAgain(now: now)
        if let gatheringBegun, now >= gatheringBegun + timings.gatheringTimeout { isGatheringOver = true }
    }

    /// Whether no server is waited for any more.
    var isGatheringComplete: Bool {
        guard !bases.isEmpty else { return false }
        return isGatheringOver
            || (!servers.contains { $0.resolution == .asked } && reflexions.allSatisfy { $0.isSettled || $0.isAnswered }
                && relays.allSatisfy(\.isSettled))
    }
}
