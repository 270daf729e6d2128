import Media
internal import RTP
internal import WebRTC

extension TransportStatistics {
    /// Adds what a connection counts. A session may have one each way: the first that has a path says which it is.
    /// - `sent`, `received`: which track an m-line carries.
    mutating func add(
        _ statistics: PeerConnectionStatistics, sent kinds: [String: TrackKind] = [:],
        received tracks: [String: TrackID] = [:]
    ) {
        candidatePair = candidatePair ?? statistics.candidatePair.map(CandidatePair.init)
        roundTrip = roundTrip ?? statistics.roundTrip
        if !tracks.isEmpty { opening = statistics.begunAt.map { Opening(begunAt: $0, statistics) } ?? opening }
        guard let rtp = statistics.rtp else { return }
        if !kinds.isEmpty { availableUplink = rtp.estimate.bitsPerSecond }
        for sender in rtp.senders {
            if let kind = kinds[sender.mid] { sent[kind, default: Sent()].add(sender) }
        }
        for receiver in rtp.receivers {
            if let track = tracks[receiver.mid] { received[track, default: Received()].add(receiver) }
        }
    }
}

extension TransportStatistics.Opening {
    init(begunAt: MonotonicInstant, _ statistics: PeerConnectionStatistics) {
        self.init(begunAt: begunAt)
        checked = statistics.timeToCheck
        connected = statistics.timeToConnected
    }
}

extension TransportStatistics.CandidatePair {
    init(_ pair: PeerConnectionStatistics.CandidatePair) {
        self.init(
            local: TransportStatistics.Candidate(pair.local), remote: TransportStatistics.Candidate(pair.remote),
            networkProtocol: pair.networkProtocol.rawValue)
    }
}

extension TransportStatistics.Candidate {
    init(_ candidate: PeerConnectionStatistics.Candidate) {
        let kind: Kind =
            switch candidate.kind {
            case .host: .host
            case .serverReflexive: .serverReflexive
            case .peerReflexive: .peerReflexive
            case .relayed: .relayed
            }
        self.init(kind: kind, address: candidate.address.description)
    }
}

extension TransportStatistics.Sent {
    mutating func add(_ sender: RTPSenderStatistics) {
        packets += sender.packets
        bytes += sender.payloadBytes
        retransmitted += sender.retransmitted
        keyframeRequests += sender.keyframeRequests
        lossFraction = sender.remoteFractionLost ?? lossFraction
        jitter = sender.remoteJitter ?? jitter
    }
}

extension TransportStatistics.Received {
    mutating func add(_ receiver: RTPReceiverStatistics) {
        packets += receiver.packets
        bytes += receiver.payloadBytes
        lost += receiver.lost
        jitter = receiver.jitter
        requestedAgain += receiver.nackedPackets
        recovered += receiver.recovered
    }
}
