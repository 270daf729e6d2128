public import Media

/// What a session's transport has come to: the path it takes, and what went and came over it.
public struct TransportStatistics: Sendable, Hashable {
    /// One end of the path.
    public struct Candidate: Sendable, Hashable {
        /// How the address was found (RFC 8445 §5.1.1).
        public enum Kind: String, Sendable, Hashable {
            case host, serverReflexive, peerReflexive, relayed
        }

        public var kind: Kind
        /// `192.0.2.1:4321` or `[2001:db8::1]:4321`.
        public var address: String

        public init(kind: Kind, address: String) {
            self.kind = kind
            self.address = address
        }
    }

    /// The path in use.
    public struct CandidatePair: Sendable, Hashable {
        public var local: Candidate
        public var remote: Candidate
        /// `udp`, `tcp` or `tls`: how the first hop is made, to the peer or to the relay.
        public var networkProtocol: String

        public init(local: Candidate, remote: Candidate, networkProtocol: String) {
            self.local = local
            self.remote = remote
            self.networkProtocol = networkProtocol
        }
    }

    /// A track of ours, and what the far side reports of it.
    public struct Sent: Sendable, Hashable {
        public var packets: Int64 = 0
        /// Payload and padding, without headers (RFC 3550 §6.4.1).
        public var bytes: Int64 = 0
        /// Packets sent again on request.
        public var retransmitted: Int64 = 0
        /// What was lost since the report before the last, 0–1.
        public var lossFraction: Double = 0
        /// Interarrival jitter at the far side (RFC 3550 §6.4.1).
        public var jitter: Duration = .zero
        public var keyframeRequests: Int64 = 0

        public init() {}
    }

    /// A track of somebody else.
    public struct Received: Sendable, Hashable {
        public var packets: Int64 = 0
        public var bytes: Int64 = 0
        /// Packets that were expected and have not come, retransmissions considered.
        public var lost: Int64 = 0
        public var jitter: Duration = .zero
        /// Packets that were asked for again.
        public var requestedAgain: Int64 = 0
        /// Packets that came by retransmission.
        public var recovered: Int64 = 0

        public init() {}
    }

    /// How the way was opened that the others' tracks come by.
    public struct Opening: Sendable, Hashable {
        /// When our side of it was described to the service.
        public var begunAt: MonotonicInstant
        /// From then to the service's first check of a path (RFC 8445 §7), and until it was protected; nil before.
        public var checked: Duration?
        public var connected: Duration?

        public init(begunAt: MonotonicInstant) { self.begunAt = begunAt }
    }

    /// Nil where the way stands since an earlier session (`StandbyPolicy.warm`).
    public var opening: Opening?
    public var candidatePair: CandidatePair?
    public var roundTrip: Duration?
    /// Bits a second that the path to the service is thought to carry.
    public var availableUplink: Int?
    public var sent: [TrackKind: Sent] = [:]
    public var received: [TrackID: Received] = [:]

    public init() {}
}

/// What the way to the service bears at the moment.
public struct UplinkEstimate: Sendable, Hashable {
    /// For everything this session sends, headers included.
    public var bitsPerSecond: Int
    /// Of the packets sent of late, 0–1.
    public var loss: Double
    public var roundTrip: Duration?

    public init(bitsPerSecond: Int, loss: Double = 0, roundTrip: Duration? = nil) {
        self.bitsPerSecond = bitsPerSecond
        self.loss = loss
        self.roundTrip = roundTrip
    }
}
