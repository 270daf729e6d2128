public import Media
public import RTP

/// What a connection has come to.
public struct PeerConnectionStatistics: Sendable, Hashable {
    /// One end of the path.
    public struct Candidate: Sendable, Hashable {
        /// How the address was found (RFC 8445 §5.1.1).
        public enum Kind: String, Sendable, Hashable {
            case host, serverReflexive, peerReflexive, relayed
        }

        public var kind: Kind
        public var address: SocketAddress

        public init(kind: Kind, address: SocketAddress) {
            self.kind = kind
            self.address = address
        }
    }

    /// The path in use.
    public struct CandidatePair: Sendable, Hashable {
        /// How the first hop is made: to the peer, or to the relay.
        public enum NetworkProtocol: String, Sendable, Hashable {
            case udp, tcp, tls
        }

        public var local: Candidate
        public var remote: Candidate
        public var networkProtocol: NetworkProtocol

        public init(local: Candidate, remote: Candidate, networkProtocol: NetworkProtocol) {
            self.local = local
            self.remote = remote
            self.networkProtocol = networkProtocol
        }
    }

    public var state = PeerConnectionState.new
    public var candidatePair: CandidatePair?
    /// The last round trip: of RTCP, else of ICE's checks.
    public var roundTrip: Duration?
    /// Datagrams that carried media, both ways, and their bytes as sent (SRTP and SRTCP included, IP and UDP not).
    public var packetsSent: Int64 = 0
    public var bytesSent: Int64 = 0
    public var packetsReceived: Int64 = 0
    public var bytesReceived: Int64 = 0
    /// Datagrams that the kernel would not take at once; media is not queued behind them.
    public var packetsNotSent: Int64 = 0
    /// SRTP and SRTCP packets that had come before (RFC 3711 §3.3.2).
    public var replayed: Int64 = 0
    /// SRTP and SRTCP packets whose authentication failed.
    public var unauthenticated: Int64 = 0
    /// `SRTP_AEAD_AES_128_GCM` or `SRTP_AES128_CM_SHA1_80`, when connected.
    public var protectionProfile: String?
    /// When our first description was made; nil before.
    public var begunAt: MonotonicInstant?
    /// From then to a path, to the first check of the far side's (RFC 8445 §7), and to keys: nil before.
    public var timeToPath: Duration?
    public var timeToCheck: Duration?
    public var timeToConnected: Duration?
    /// What RTP's sessions count; senders and receivers are told apart by mid; nil before the first description.
    public var rtp: RTPTransportStatistics?

    public init() {}
}
