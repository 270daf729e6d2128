package import Media

/// A full ICE agent of one component (RFC 8445; trickle: RFC 8838; consent: RFC 7675), with its STUN and TURN clients.
///
/// It has no socket, clock or randomness of its own: datagrams, the time and a generator come in, ``Action``s go out.
///
///     agent.addBase(0, address: …, preference: 200, now: now)
///     agent.setRemote(credentials, isLite: false, now: now); agent.addRemote(candidate, now: now)
///     while let action = agent.nextAction() { … }        // after every call
///     // at `agent.deadline`: agent.handleTimeout(now: now)
///
/// Where RFC 8445 waits, this agent does not: all pairs may be checked from the start (there is one component, so nothing is
/// gained by freezing), checks follow 5 ms apart, a triggered check leaves at once, data may go over the first pair that
/// works, and a controlling agent nominates with its first checks, as RFC 5245 §8.1.1.2 allowed and all peers still understand;
/// not so with a lite peer.
///
/// Thread: one owner at a time; it is a value.
package struct ICEAgent: Sendable {
    package internal(set) var role: ICERole
    package internal(set) var state = ICEState.new
    /// The way of the data, nil until a pair works. It outlives a restart until another takes over.
    package internal(set) var selected: ICERoute?
    package internal(set) var counters = Counters()

    let policy: ICEPolicy
    let timings: ICETimings
    var generator: any RandomNumberGenerator & Sendable
    var tieBreaker: UInt64
    var bases: [Base] = []
    /// Our candidates, published or not.
    var locals: [LocalCandidate] = []
    var session: ICESession
    var previous: ICEPreviousSession?
    var nextPairID = 0
    /// When the next ordinary check may leave; nil is at once.
    var nextCheck: MonotonicInstant?
    /// When the pair that data took was gone, and no other worked.
    var lost: MonotonicInstant?
    var isGatheringAnnounced = false

    /// When the servers were first asked about a base that `gatheringComplete` has not covered.
    var gatheringBegun: MonotonicInstant?
    /// No server is waited for any longer.
    var isGatheringOver = false
    var servers: [ICEGatheringServer]
    var reflexions: [ICEReflexion] = []
    var relays: [ICERelay] = []
    var lostRelays: [ICELostRelay] = []
    var nextRelayID = 0

    private var actions: [Action] = []
    private var taken = 0

    struct Base: Sendable {
        let id: Int
        let address: SocketAddress
        let preference: UInt8
        /// The interface first, then the family, so that neither family waits for the other's last interface (RFC 8421 §4).
        var localPreference: UInt16 { UInt16(preference) << 8 | (address.isIPv6 ? 255 : 127) }
    }

    struct LocalCandidate: Sendable {
        let path: ICEPath
        let candidate: ICECandidate
    }

    /// - `role`: the offerer is controlling, unless the peer is lite; a conflict mends itself.
    /// - `generator`: must not be guessable: credentials and transactions come from it.
    package init(
        role: ICERole, servers: [ICEServer] = [], policy: ICEPolicy = .all, timings: ICETimings = ICETimings(),
        generator: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) {
        self.role = role
        self.policy = policy
        self.timings = timings
        self.generator = generator
        self.servers = servers.flatMap { server in server.addresses.map { ICEGatheringServer($0, server) } }
        tieBreaker = .random(in: .min ... .max, using: &self.generator)
        session = ICESession(local: ICECredentials(using: &self.generator))
    }

    package var localCredentials: ICECredentials { session.local }
    package var remoteCredentials: ICECredentials? { session.remote }
    /// Of the selected pair's latest check.
    package var roundTrip: Duration? { session.selectedIndex.flatMap { session.pairs[$0].roundTrip } }

    // MARK: Ours

    /// Adds a socket of ours: its host candidate comes as an action, and what servers tell of it later.
    /// - `id`: the owner's name for the socket, used once.
    /// - `address`: what it is bound to, not a wildcard.
    /// - `preference`: of its interface; 255 is the best.
    package mutating func addBase(_ id: Int, address: SocketAddress, preference: UInt8, now: MonotonicInstant) {
        precondition(!bases.contains { $0.id == id }, "an id names one base")
        guard state != .closed else { return }
        let base = Base(id: id, address: address, preference: preference)
        bases.append(base)
        if isGatheringAnnounced || gatheringBegun == nil { gatheringBegun = now }
        isGatheringAnnounced = false
        isGatheringOver = false
        addLocal(
            .base(id),
            ICECandidate(
                foundation: Self.foundation(.host, base: address, server: nil),
                priority: ICECandidate.priority(.host, localPreference: base.localPreference), address: .ip(address),
                kind: .host), now: now)
        gather(base, now: now)
        pump(now: now)
    }

    /// Forgets a socket: its interface went, or its address changed. Data moves to another pair that works, if there is one.
    package mutating func removeBase(_ id: Int, now: MonotonicInstant) {
        guard bases.contains(where: { $0.id == id }) else { return }
        bases.removeAll { $0.id == id }
        reflexions.removeAll { $0.base == id }
        let gone = Set(relays.filter { $0.base == id }.map { ICEPath.relay($0.id) } + [.base(id)])
        relays.removeAll { $0.base == id }
        lostRelays.removeAll { $0.base == id }
        removePaths(now: now) { gone.contains($0) }
    }

    /// Takes a candidate of ours into the agent: publishes it, and pairs it with what is known of the peer.
    mutating func addLocal(_ path: ICEPath, _ candidate: ICECandidate, now: MonotonicInstant) {
        locals.append(LocalCandidate(path: path, candidate: candidate))
        publish(candidate)
        // A reflexive candidate is checked from its base, which is paired already (RFC 8445 §6.1.2.4).
        guard candidate.kind != .serverReflexive else { return }
        for remote in session.remotes { addPair(path, remote.candidate, now: now) }
    }

    private mutating func publish(_ candidate: ICECandidate) {
        switch (policy, candidate.kind) {
        case (.all, _): perform(.candidate(candidate))
        case (.relay, .relayed):
            var candidate = candidate
            candidate.relatedAddress = nil  // it would tell what the policy hides (RFC 8828 §5.2)
            perform(.candidate(candidate))
        case (.relay, _): break
        }
    }

    mutating func removePaths(now: MonotonicInstant, where isGone: (ICEPath) -> Bool) {
        locals.removeAll { isGone($0.path) }
        session.pairs.removeAll { isGone($0.path) }
        if let pair = previous?.pair, isGone(pair.path) { previous = nil }
        if session.selected != nil, session.selectedIndex == nil { session.selected = nil }
        updateSelection(now: now)
        if session.selected == nil, previous == nil, selected != nil { loseSelection(now: now) }
        pump(now: now)
    }

    // MARK: The peer's

    /// Takes the peer's credentials. Checks begin with its first candidate, or with a check of it that came before.
    ///
    /// Other credentials than before are a restart of the peer's; unless it was ours first, ``restart(now:)`` is called
    /// before this.
    /// - `isLite`: the peer said `a=ice-lite`: it answers only, and we control (RFC 8445 §6.1.1).
    package mutating func setRemote(_ credentials: ICECredentials, isLite: Bool, now: MonotonicInstant) {
        guard state != .closed, session.remote != credentials else { return }
        if session.remote != nil {
            // What is known of the peer is of its old generation.
            keepPrevious()
            session.remotes = []
            session.pairs = []
            session.selected = nil
        }
        session.remote = credentials
        session.isRemoteLite = isLite
        session.hasAllRemotes = false
        session.begun = now
        if isLite { role = .controlling }
        let ufrag = Array(credentials.ufrag.utf8)
        let strangers = Set(
            session.remotes.filter { $0.earlyUfrag != nil && $0.earlyUfrag != ufrag }
                .compactMap(\.candidate.socketAddress))
        // Not by `map`: Swift 6.3 crashes on it when it optimises.
        session.remotes.removeAll { remote in
            guard let address = remote.candidate.socketAddress else { return false }
            return strangers.contains(address)
        }
        session.pairs.removeAll { strangers.contains($0.remote) }
        if state == .new || state == .failed { set(.checking) }
        pump(now: now)
    }

    /// Takes a candidate of the peer. One that came before, one for TCP and one of another component change nothing.
    package mutating func addRemote(_ candidate: ICECandidate, now: MonotonicInstant) {
        guard state != .closed, candidate.component == 1, candidate.transport == .udp else { return }
        switch candidate.address {
        case .name(let name, _):
            guard session.unresolved.count < ICESession.maximumRemotes, !session.unresolved.contains(candidate) else {
                return
            }
            session.unresolved.append(candidate)
            perform(.resolve(name: name))
        case .ip(let address):
            guard address.port != 0 else { return }
            add(remote: candidate, address, now: now)
            pump(now: now)
        }
    }

    /// The peer has no more candidates: what is left of the checks decides.
    package mutating func endOfRemoteCandidates(now: MonotonicInstant) {
        session.hasAllRemotes = true
        failIfNothingIsLeft(now: now)
    }

    /// Answers ``Action/resolve(name:)``.
    /// - `addresses`: empty where there are none; their ports do not matter.
    package mutating func resolved(_ name: String, to addresses: [SocketAddress], now: MonotonicInstant) {
        guard state != .closed else { return }
        resolvedServers(name, to: addresses, now: now)
        let candidates = session.unresolved.filter { $0.address.name == name }
        session.unresolved.removeAll { $0.address.name == name }
        for var candidate in candidates {
            guard case .name(_, let port) = candidate.address else { continue }
            for var address in addresses {
                address.port = port
                candidate.address = .ip(address)
                add(remote: candidate, address, now: now)
            }
        }
        pump(now: now)
        failIfNothingIsLeft(now: now)
    }

    private mutating func add(remote candidate: ICECandidate, _ address: SocketAddress, now: MonotonicInstant) {
        if let index = session.remotes.firstIndex(where: { $0.candidate.socketAddress == address }) {
            // Known from a check of it, it is now known better (RFC 8838 §11.4).
            guard session.remotes[index].candidate.kind == .peerReflexive else { return }
            session.remotes[index].candidate = candidate
            for pair in session.pairs.indices where session.pairs[pair].remote == address {
                session.pairs[pair].remotePriority = candidate.priority
            }
            return
        }
        guard session.remotes.count < ICESession.maximumRemotes else { return }
        session.remotes.append(ICESession.Remote(candidate: candidate))
        for local in locals where local.candidate.kind != .serverReflexive { addPair(local.path, candidate, now: now) }
    }

    // MARK: Life

    /// Begins a new generation: new credentials, all candidates of ours once more. Data goes on over the old pair until
    /// one of the new generation works (RFC 8445 §9).
    package mutating func restart(now: MonotonicInstant) {
        guard state != .closed else { return }
        keepPrevious()
        session = ICESession(local: ICECredentials(using: &generator))
        session.begun = now
        nextCheck = nil
        isGatheringAnnounced = false
        for local in locals { publish(local.candidate) }
        let kept = Set(previous.map { [$0.pair.remote] } ?? [])
        for index in relays.indices { relays[index].client.keepOnly(kept) }
        if state == .failed || state == .disconnected { set(.checking) }
    }

    /// Keeps the selected pair for the data until a pair of the next generation takes over.
    private mutating func keepPrevious() {
        guard let index = session.selectedIndex, let remote = session.remote else { return }
        previous = ICEPreviousSession(
            local: session.local, usernamePrefix: session.usernamePrefix, remote: remote, pair: session.pairs[index])
    }

    /// Ends everything, allocations at servers too; nothing is done after the actions that this leaves.
    package mutating func close(now: MonotonicInstant) {
        guard state != .closed else { return }
        set(.closed)
        for index in relays.indices {
            relays[index].client.close(using: &generator, now: now)
            serve(index, now: now)
            if relays[index].base == nil { perform(.closeStream(id: relays[index].id)) }
        }
        relays = []
        lostRelays = []
        reflexions = []
        session.pairs = []
        previous = nil
        selected = nil
    }

    /// The next thing to do, or nil.
    package mutating func nextAction() -> Action? {
        if taken == actions.count {
            actions.removeAll(keepingCapacity: true)
            taken = 0
            guard !isGatheringAnnounced, isGatheringComplete, state != .closed else { return nil }
            isGatheringAnnounced = true
            return .gatheringComplete
        }
        taken += 1
        return actions[taken - 1]
    }

    mutating func perform(_ action: Action) { actions.append(action) }

    mutating func set(_ new: ICEState) {
        guard state != new, state != .closed else { return }
        state = new
        perform(.state(new))
    }

    /// The same for candidates of one kind, address of ours and server (RFC 8445 §5.1.1.3).
    static func foundation(_ kind: ICECandidate.Kind, base: SocketAddress, server: SocketAddress?) -> String {
        String(CRC32.of(Array("\(kind.rawValue) \(base.ip) \(server?.ip ?? "")".utf8).span))
    }
}

extension ICECandidate.Address {
    var name: String? { if case .name(let name, _) = self { name } else { nil } }
}
