/// What became of a stream that is sent.
public struct RTPSenderStatistics: Sendable, Hashable {
    public var mid: String
    public var ssrc: SSRC
    /// Packets put on the wire the first time.
    public var packets: Int64 = 0
    /// Payload bytes of ``packets``.
    public var payloadBytes: Int64 = 0
    /// Packets sent again because they were asked for.
    public var retransmitted: Int64 = 0
    /// Packets that were asked for and were not there any more, or had just been sent again.
    public var notRetransmitted: Int64 = 0
    /// Times that the far side asked for a keyframe.
    public var keyframeRequests: Int64 = 0
    /// Packets dropped because they waited for too long to be sent.
    public var droppedByPacer: Int64 = 0
    /// The share lost in the far side's last report, 0…1; nil before the first.
    public var remoteFractionLost: Double?
    /// Packets lost in all, as the far side says.
    public var remoteLost: Int64 = 0
    /// The interarrival jitter at the far side.
    public var remoteJitter: Duration?
    public var roundTrip: Duration?

    public init(mid: String, ssrc: SSRC) {
        self.mid = mid
        self.ssrc = ssrc
    }
}

/// What became of a stream that is received.
public struct RTPReceiverStatistics: Sendable, Hashable {
    public var mid: String
    public var ssrc: SSRC
    /// `a=rid` of the stream, where its packets carry one.
    public var streamID: String?
    /// Packets given out, recovered ones included, duplicates not.
    public var packets: Int64 = 0
    public var payloadBytes: Int64 = 0
    /// Packets that the sender numbered and that never came, recovered ones not counted.
    public var lost: Int64 = 0
    public var jitter: Duration = .zero
    /// Packets that came twice, and were dropped.
    public var duplicates: Int64 = 0
    /// NACK messages sent, and the packets they asked for, each time counted.
    public var nackMessages: Int64 = 0
    public var nackedPackets: Int64 = 0
    /// Packets that came after they had been asked for.
    public var recovered: Int64 = 0
    /// Keyframes asked for.
    public var keyframeRequests: Int64 = 0
    /// When the last packet came, in nanoseconds of the monotonic clock; nil before the first.
    public var lastPacketAt: Int64?

    public init(mid: String, ssrc: SSRC) {
        self.mid = mid
        self.ssrc = ssrc
    }
}

/// What became of all streams of a transport.
public struct RTPTransportStatistics: Sendable, Hashable {
    public var senders: [RTPSenderStatistics] = []
    public var receivers: [RTPReceiverStatistics] = []
    /// The last round trip that RTCP measured.
    public var roundTrip: Duration?
    public var estimate: BandwidthEstimate
    /// What the pacer holds back.
    public var pacerBytes = 0
    /// Packets of streams that nobody asked for, dropped.
    public var unknownStreamPackets: Int64 = 0
    /// RTCP datagrams that were malformed, in whole or from some packet on.
    public var malformedRTCP: Int64 = 0
}
