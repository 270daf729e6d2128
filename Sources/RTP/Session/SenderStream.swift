import Media

/// A stream that is sent.
struct SenderStream: Sendable {
    private(set) var configuration: RTPSenderConfiguration
    private var midBytes: [UInt8]
    private var streamIDBytes: [UInt8]
    private var renumbering = Renumbering()

    init(_ configuration: RTPSenderConfiguration) {
        self.configuration = configuration
        midBytes = Array(configuration.mid.utf8)
        streamIDBytes = Array((configuration.streamID ?? "").utf8)
    }

    mutating func configure(_ configuration: RTPSenderConfiguration) {
        self.configuration = configuration
        streamIDBytes = Array((configuration.streamID ?? "").utf8)
    }

    /// The packet as it goes on the wire, but for what is stamped when it goes.
    mutating func prepare(_ packet: RTPPacket, now: MonotonicInstant) -> OutgoingPacket {
        var packet = packet
        renumbering.apply(to: &packet, clockRate: configuration.clockRate, now: now)
        packet.payloadType = configuration.payloadType
        packet.ssrc = configuration.ssrc
        var stamps = HeaderStamps(ids: configuration.extensions)
        stamps.mid = midBytes
        stamps.streamID = streamIDBytes
        stamps.audioLevel = packet.extensions[RTPTransport.audioLevelID]?.first
        return OutgoingPacket(packet: packet, stamps: stamps)
    }
}
