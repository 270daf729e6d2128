import Media
import RTP

/// A connection without its threads: ICE, DTLS, SRTP and RTP put together. Datagrams and `now` come in; what leaves goes to the
/// sockets at once; what is to be told is put into the outbox.
///
/// Thread: one at a time, under the lock of its ``PeerConnectionCore``.
struct PeerEngine {
    var negotiation: Negotiation
    var ice: ICEAgent
    var rtp: RTPTransport
    var outbox = Outbox()
    private(set) var isClosed = false
    private(set) var state = PeerConnectionState.new

    let sender = RouteSender()
    var sockets: [Int: UDPSocket] = [:]
    /// Streams to TURN servers, by the agent's ids.
    private(set) var streams: [Int: StreamConnection] = [:]
    /// Whether there are streams, or were at the owner's last look.
    var hasStreams = false
    /// Names that the owner is to look up, see ``resolved(_:to:now:)``.
    var namesToResolve: [String] = []
    private let tlsTrust: TLSTrust
    private var route: ICERoute?
    private var dtls: DTLSSession?
    private var protection: MediaProtection?
    /// Why the connection cannot go on, whatever ICE does.
    private var fault: PeerConnectionError?
    /// DTLS datagrams that came before we were ready for them: the peer's hello, as a rule.
    private var earlyDatagrams: [[UInt8]] = []
    private var packetArrays = RTPPacketArrays()
    private var nominationsSeen = 0
    /// The m-lines whose pictures reach the far side.
    private var picturesFlow: Set<String> = []
    private var candidates: [ICECandidate] = []
    private var hasAllCandidates = false
    private var packetsReceived: Int64 = 0
    private var bytesReceived: Int64 = 0
    private var begun: MonotonicInstant?
    private var timeToPath: Duration?
    private var timeToCheck: Duration?
    private var timeToConnected: Duration?

    init(_ configuration: PeerConnectionConfiguration) {
        tlsTrust = configuration.tlsTrust
        let cname = String(UInt64.random(in: .min ... .max), radix: 36)
        negotiation = Negotiation(
            codecs: configuration.codecs, cname: cname,
            answeredSetup: configuration.waitsForHello ? .passive : .active)
        rtp = RTPTransport(cname: cname, seed: .random(in: .min ... .max))
        ice = ICEAgent(role: .controlled, servers: configuration.iceServers, policy: configuration.icePolicy)
    }

    /// When ``handleTimeout(now:)`` is to be called.
    var deadline: MonotonicInstant? {
        let transport = Self.earlier(ice.deadline, dtls?.deadline)
        return protection == nil ? transport : Self.earlier(transport, rtp.deadline)
    }

    private static func earlier(_ a: MonotonicInstant?, _ b: MonotonicInstant?) -> MonotonicInstant? {
        guard let a, let b else { return a ?? b }
        return min(a, b)
    }

    mutating func handleTimeout(now: MonotonicInstant) {
        if let deadline = ice.deadline, deadline <= now { ice.handleTimeout(now: now) }
        if let deadline = dtls?.deadline, deadline <= now {
            dtls?.handleTimeout(now: now)
            performDTLS(now: now)
        }
        if protection != nil, let deadline = rtp.deadline, deadline <= now { rtp.handleTimeout(now: now) }
        pump(now: now)
    }

    // MARK: Negotiation

    mutating func makeOffer(iceRestart: Bool, now: MonotonicInstant) throws(PeerConnectionError) -> String {
        try checkOpen()
        let isFirst = begun == nil
        if isFirst {
            // The side of the first offer decides (RFC 8445 §6.1.1); a conflict mends itself.
            ice.role = .controlling
        }
        if iceRestart, !isFirst { restartICE(now: now) }
        pump(now: now)
        let description = try negotiation.makeOffer(transportParameters)
        begin(now: now)
        return description.text
    }

    mutating func makeAnswer(now: MonotonicInstant) throws(PeerConnectionError) -> String {
        try checkOpen()
        let description = try negotiation.makeAnswer(transportParameters)
        begin(now: now)
        applyStreams(now: now)
        // The far side answers checks from its offer on: a path may be there before this says which side begins.
        startHandshakeIfReady(now: now)
        pump(now: now)
        return description.text
    }

    mutating func acceptOffer(_ text: String, now: MonotonicInstant) throws(PeerConnectionError) -> [RemoteTrack] {
        try checkOpen()
        let known = negotiation.remoteTransport
        let tracks = try negotiation.acceptOffer(Self.parse(text))
        if let known, let transport = negotiation.remoteTransport, known.credentials != transport.credentials {
            restartICE(now: now)
        }
        applyRemoteTransport(now: now)
        outbox.events += tracks.map { .remoteTrack($0) }
        pump(now: now)
        return negotiation.transceivers.map(\.remote)
    }

    mutating func acceptAnswer(_ text: String, now: MonotonicInstant) throws(PeerConnectionError) -> [RemoteTrack] {
        try checkOpen()
        let tracks = try negotiation.acceptAnswer(Self.parse(text))
        applyStreams(now: now)
        applyRemoteTransport(now: now)
        outbox.events += tracks.map { .remoteTrack($0) }
        pump(now: now)
        return negotiation.transceivers.map(\.remote)
    }

    mutating func addCandidate(_ line: String, now: MonotonicInstant) throws(PeerConnectionError) {
        try checkOpen()
        guard negotiation.remoteTransport != nil else {
            throw PeerConnectionError(.wrongState, "a candidate comes after its description (RFC 8838 §11)")
        }
        let text = line.hasPrefix("a=") ? String(line.dropFirst(2)) : line
        if text.isEmpty || text.hasPrefix("end-of-candidates") {
            ice.endOfRemoteCandidates(now: now)
        } else {
            do throws(ICEError) {
                ice.addRemote(try ICECandidate(sdp: text), now: now)
            } catch { throw PeerConnectionError(.badCandidate, error.reason) }
        }
        pump(now: now)
    }

    var localDescription: String? {
        begun == nil ? nil : negotiation.localDescription(transportParameters).text
    }

    private var transportParameters: TransportParameters {
        TransportParameters(
            credentials: ice.localCredentials, fingerprint: DTLSContext.shared.fingerprint, candidates: candidates,
            hasAllCandidates: hasAllCandidates)
    }

    private static func parse(_ text: String) throws(PeerConnectionError) -> SessionDescription {
        do throws(SDPError) {
            return try SessionDescription(parsing: text)
        } catch { throw PeerConnectionError(.badDescription, error.description) }
    }

    func checkOpen() throws(PeerConnectionError) {
        if isClosed { throw PeerConnectionError(.closed, "the connection is closed") }
    }

    private mutating func begin(now: MonotonicInstant) {
        guard begun == nil else { return }
        begun = now
        set(.connecting)
    }

    private mutating func restartICE(now: MonotonicInstant) {
        candidates = []
        hasAllCandidates = false
        ice.restart(now: now)
    }

    private mutating func applyRemoteTransport(now: MonotonicInstant) {
        guard let transport = negotiation.remoteTransport else { return }
        ice.setRemote(transport.credentials, isLite: transport.isLite, now: now)
        for candidate in transport.candidates { ice.addRemote(candidate, now: now) }
        if transport.hasAllCandidates { ice.endOfRemoteCandidates(now: now) }
    }

    private mutating func applyStreams(now: MonotonicInstant) {
        for transceiver in negotiation.transceivers {
            if let sender = transceiver.sender {
                rtp.setSender(sender, now: now)
            } else {
                rtp.removeSender(mid: transceiver.mid, now: now)
            }
            if let receiver = transceiver.receiver {
                rtp.setReceiver(receiver)
            } else {
                rtp.removeReceiver(mid: transceiver.mid)
            }
        }
        // One session, one answer (RFC 5506 §5): all of its m-lines must take it.
        rtp.setReducedSize(negotiation.transceivers.allSatisfy { $0.isStopped || $0.allowsReducedRTCP })
        askForPictures()
    }

    /// Pictures that were sent before an m-line could carry them were dropped, the keyframe among them: a far side that does
    /// not ask by itself (aiortc) would see nothing.
    private mutating func askForPictures() {
        guard protection != nil else { return }
        let flowing = Set(negotiation.transceivers.compactMap { $0.kind == .video ? $0.sender?.mid : nil })
        for mid in flowing.subtracting(picturesFlow).sorted() { outbox.events.append(.keyframeRequested(mid: mid)) }
        picturesFlow = flowing
    }

    // MARK: Media

    mutating func send(_ packet: RTPPacket, mid: String, now: MonotonicInstant) {
        guard protection != nil, sender.isOpen else { return }
        rtp.send(packet, mid: mid, now: now)
        performRTP(now: now)
        sender.flush()
    }

    mutating func requestKeyframe(mid: String, now: MonotonicInstant) {
        guard protection != nil else { return }
        rtp.requestKeyframe(mid: mid, now: now)
        pump(now: now)
    }

    // MARK: Datagrams

    /// Takes the first `count` datagrams of a batch, which came to one of our sockets; they are opened in place.
    mutating func receive(_ batch: DatagramBatch, count: Int, on base: Int, now: MonotonicInstant) {
        for index in 0..<count {
            unsafe receive(batch.received(index), from: batch.source(index), on: base, now: now)
        }
        pump(now: now)
    }

    private mutating func receive(
        _ datagram: UnsafeMutableBufferPointer<UInt8>, from source: SocketAddress, on base: Int, now: MonotonicInstant
    ) {
        guard !datagram.isEmpty else { return }
        let reception = unsafe ice.receive(
            UnsafeBufferPointer(datagram).span, from: source, on: base, now: now)
        guard case .payload(let range) = reception, !range.isEmpty else { return }
        unsafe take(UnsafeMutableBufferPointer(rebasing: datagram[range]), now: now)
    }

    /// Takes what a stream's readiness brought.
    mutating func streamIsReady(_ id: Int, now: MonotonicInstant) {
        for news in streams[id]?.socketIsReady() ?? [] {
            switch news {
            case .opened: ice.streamOpened(id, now: now)
            case .received(let bytes): takeStream(bytes, id, now: now)
            case .closed:
                streams.removeValue(forKey: id)
                ice.streamClosed(id, now: now)
            }
        }
        pump(now: now)
    }

    private mutating func takeStream(_ bytes: [UInt8], _ id: Int, now: MonotonicInstant) {
        var payloads: [[UInt8]] = []
        ice.receiveStream(bytes.span, id: id, now: now) { payload in
            payloads.append(unsafe payload.withUnsafeBufferPointer { unsafe Array($0) })
        }
        for var payload in payloads where !payload.isEmpty {
            unsafe payload.withUnsafeMutableBufferPointer { unsafe take($0, now: now) }
        }
    }

    mutating func resolved(_ name: String, to addresses: [SocketAddress], now: MonotonicInstant) {
        ice.resolved(name, to: addresses, now: now)
        pump(now: now)
    }

    /// Takes up a socket on an address of this machine.
    mutating func add(_ socket: UDPSocket, _ base: Int, preference: UInt8, now: MonotonicInstant) {
        sockets[base] = socket
        ice.addBase(base, address: socket.address, preference: preference, now: now)
        pump(now: now)
    }

    /// Lets go of a socket whose address is gone.
    mutating func removeSocket(_ base: Int, now: MonotonicInstant) {
        guard let socket = sockets.removeValue(forKey: base) else { return }
        ice.removeBase(base, now: now)
        candidates.removeAll { $0.socketAddress == socket.address }
        pump(now: now)
    }

    /// Tells the protocols of a bundled path apart by their first byte (RFC 7983 §7).
    private mutating func take(_ bytes: UnsafeMutableBufferPointer<UInt8>, now: MonotonicInstant) {
        let first = unsafe bytes[0]
        if (128...191).contains(first) {
            unsafe takeMedia(bytes, now: now)
        } else if DTLSRecords.isContentType(first) {
            if let dtls {
                unsafe dtls.receive(UnsafeBufferPointer(bytes).span, now: now)
                performDTLS(now: now)
            } else if earlyDatagrams.count < Self.maximumEarlyDatagrams {
                earlyDatagrams.append(unsafe Array(bytes))
            }
        }
    }

    private mutating func takeMedia(_ bytes: UnsafeMutableBufferPointer<UInt8>, now: MonotonicInstant) {
        packetsReceived += 1
        bytesReceived += Int64(bytes.count)
        let isControl = unsafe MediaProtection.isControl(bytes)
        guard let count = unsafe protection?.unprotect(bytes, isControl: isControl) else { return }
        let span = unsafe UnsafeBufferPointer(rebasing: bytes[..<count]).span
        if isControl {
            rtp.receive(rtcp: span, now: now)
        } else if let packet = try? RTPPacket(parsing: span, into: &packetArrays) {
            rtp.receive(packet, now: now)
        }
    }

    // MARK: What the parts ask for

    /// Carries out what the parts want done, until none wants anything.
    mutating func pump(now: MonotonicInstant) {
        if timeToCheck == nil, ice.counters.requestsReceived > 0, let begun { timeToCheck = now - begun }
        performICE(now: now)
        repeatHelloAfterNomination(now: now)
        performRTP(now: now)
        sender.flush()
    }

    private mutating func performICE(now: MonotonicInstant) {
        while let action = ice.nextAction() {
            switch action {
            case .send(let bytes, let base, let to): sockets[base]?.send(bytes, to: to)
            case .candidate(let candidate):
                candidates.append(candidate)
                if begun != nil, let mid = negotiation.bundleMid {
                    outbox.events.append(.candidate(candidate.sdp, mid: mid))
                }
            case .gatheringComplete:
                hasAllCandidates = true
                outbox.events.append(.gatheringComplete)
            case .selected(let route): select(route, now: now)
            case .state: updateState(now: now)
            case .resolve(let name):
                if let address = SocketAddress(ip: name, port: 0) {
                    ice.resolved(name, to: [address], now: now)
                } else {
                    namesToResolve.append(name)
                }
            case .openStream(let id, let to, let tlsName):
                hasStreams = true
                let stream = StreamConnection(to: to, tlsName: tlsName, trust: tlsTrust)
                streams[id] = stream.descriptor < 0 ? nil : stream
                if stream.descriptor < 0 { ice.streamClosed(id, now: now) }
            case .sendStream(let bytes, let id): streams[id]?.send(bytes)
            case .closeStream(let id): streams.removeValue(forKey: id)
            case .serverFailed(let error): outbox.events.append(.serverFailed(error.description))
            }
        }
    }

    private mutating func select(_ route: ICERoute, now: MonotonicInstant) {
        self.route = route
        sender.set(
            route, socket: route.base.flatMap { sockets[$0] }, stream: route.stream.flatMap { streams[$0] })
        if timeToPath == nil, let begun { timeToPath = now - begun }
        startHandshakeIfReady(now: now)
    }

    private mutating func startHandshakeIfReady(now: MonotonicInstant) {
        guard dtls == nil, fault == nil, route != nil, let remote = negotiation.remoteTransport,
            let setup = negotiation.localSetup
        else { return }
        let session = DTLSSession(
            role: setup == .active ? .client : .server, remoteFingerprints: remote.fingerprints)
        dtls = session
        session.start(now: now)
        for datagram in earlyDatagrams { session.receive(datagram.span, now: now) }
        earlyDatagrams = []
        performDTLS(now: now)
    }

    /// A controlling peer takes DTLS from a pair that it has nominated and had the answer for: a hello that came before was
    /// dropped. One more right behind that answer spares the handshake a timer (20 to 40 ms of a join through Janus).
    private mutating func repeatHelloAfterNomination(now: MonotonicInstant) {
        guard ice.counters.nominationsReceived != nominationsSeen else { return }
        nominationsSeen = ice.counters.nominationsReceived
        dtls?.repeatHello()
        performDTLS(now: now)
    }

    private mutating func performDTLS(now: MonotonicInstant) {
        guard let dtls else { return }
        while let datagram = dtls.nextDatagram() { sender.send(datagram) }
        switch dtls.state {
        case .handshaking: break
        case .connected(let keys):
            guard protection == nil, fault == nil else { break }
            do throws(PeerConnectionError) {
                protection = try MediaProtection(keys)
                if let begun { timeToConnected = now - begun }
                askForPictures()
            } catch { fault = error }
        case .closedByPeer: fault = fault ?? PeerConnectionError(.closedByPeer, "the far side closed the connection")
        case .failed(let error): fault = fault ?? error
        }
        updateState(now: now)
    }

    private mutating func performRTP(now: MonotonicInstant) {
        while let action = rtp.nextAction() {
            switch action {
            case .sendRTP(let packet): write(packet)
            case .sendRTCP(let bytes): write(control: bytes)
            case .deliver(let packet, let mid):
                packetArrays.keep(packet)
                outbox.packets.append((mid, packet))
            case .keyframeRequested(let mid): outbox.events.append(.keyframeRequested(mid: mid))
            case .estimate(let estimate): outbox.events.append(.estimate(estimate))
            case .collided(_, let replacement, let mid): negotiation.setSSRC(replacement, mid: mid)
            case .bound, .ended: break
            }
        }
    }

    private mutating func write(_ packet: OutgoingPacket) {
        let storage = unsafe sender.storage
        var span = unsafe storage.mutableSpan
        guard let count = try? packet.serialize(into: &span),
            let protected = unsafe protection?.protect(storage, count: count, isControl: false)
        else { return }
        sender.commit(protected)
    }

    private mutating func write(control bytes: [UInt8]) {
        let storage = unsafe sender.storage
        guard bytes.count <= storage.count else { return }
        for (index, byte) in bytes.enumerated() { unsafe storage[index] = byte }
        guard let protected = unsafe protection?.protect(storage, count: bytes.count, isControl: true) else { return }
        sender.commit(protected)
    }

    // MARK: State

    private mutating func updateState(now: MonotonicInstant) {
        if let fault {
            set(.failed(fault))
            return
        }
        switch ice.state {
        case .new, .closed: break
        case .checking: set(.connecting)
        case .connected:
            startHandshakeIfReady(now: now)
            set(protection == nil ? .connecting : .connected)
        case .disconnected: set(.disconnected)
        case .failed:
            // Nothing may be sent without consent (RFC 7675 §5.1).
            sender.set(nil, socket: nil)
            set(.failed(PeerConnectionError(.noPath, "no candidate pair works (RFC 8445 §6.1.2.6)")))
        }
    }

    private mutating func set(_ new: PeerConnectionState) {
        guard state != new, state != .closed else { return }
        state = new
        outbox.events.append(.state(new))
    }

    /// Says goodbye, and lets go of everything.
    mutating func close(now: MonotonicInstant) {
        guard !isClosed else { return }
        if protection != nil {
            rtp.close(now: now)
            performRTP(now: now)
        }
        dtls?.close(now: now)
        performDTLS(now: now)
        ice.close(now: now)
        pump(now: now)
        set(.closed)
        isClosed = true
        sender.set(nil, socket: nil)
        sockets = [:]
        streams = [:]
        dtls = nil
        protection = nil
    }

    var statistics: PeerConnectionStatistics {
        var statistics = PeerConnectionStatistics()
        statistics.state = state
        statistics.candidatePair = route.flatMap { route in
            let stream = route.stream.flatMap { streams[$0] }
            return PeerConnectionStatistics.CandidatePair(
                route, networkProtocol: stream.map { $0.isTLS ? .tls : .tcp } ?? .udp)
        }
        statistics.rtp = begun == nil ? nil : rtp.statistics
        statistics.roundTrip = statistics.rtp?.roundTrip ?? ice.roundTrip
        statistics.packetsSent = sender.counters.packets
        statistics.bytesSent = sender.counters.bytes
        statistics.packetsNotSent = sender.counters.refused
        statistics.packetsReceived = packetsReceived
        statistics.bytesReceived = bytesReceived
        statistics.replayed = protection?.replayed ?? 0
        statistics.unauthenticated = protection?.unauthenticated ?? 0
        statistics.protectionProfile = protection?.profile.name
        statistics.begunAt = begun
        statistics.timeToPath = timeToPath
        statistics.timeToCheck = timeToCheck
        statistics.timeToConnected = timeToConnected
        return statistics
    }

    private static let maximumEarlyDatagrams = 8
}

extension PeerConnectionStatistics.CandidatePair {
    init?(_ route: ICERoute, networkProtocol: NetworkProtocol) {
        guard let local = PeerConnectionStatistics.Candidate(route.local),
            let remote = PeerConnectionStatistics.Candidate(route.remote)
        else { return nil }
        self.init(local: local, remote: remote, networkProtocol: networkProtocol)
    }
}

extension PeerConnectionStatistics.Candidate {
    init?(_ candidate: ICECandidate) {
        guard let address = candidate.socketAddress else { return nil }
        let kind: Kind =
            switch candidate.kind {
            case .host: .host
            case .serverReflexive: .serverReflexive
            case .peerReflexive: .peerReflexive
            case .relayed: .relayed
            }
        self.init(kind: kind, address: address)
    }
}
