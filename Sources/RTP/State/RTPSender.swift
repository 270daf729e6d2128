/// Where a stream's counters begin: random, so that they cannot be guessed (RFC 3550 §5.1).
public struct RTPStart: Sendable, Hashable {
    public var sequenceNumber: SequenceNumber
    public var timestamp: RTPTimestamp

    public init(sequenceNumber: SequenceNumber, timestamp: RTPTimestamp) {
        self.sequenceNumber = sequenceNumber
        self.timestamp = timestamp
    }

    public static func random(using generator: inout some RandomNumberGenerator) -> RTPStart {
        // Below 2¹⁵: SRTP's rollover counter must not be in doubt at the start (RFC 3711 §3.3.1).
        RTPStart(
            sequenceNumber: SequenceNumber(rawValue: .random(in: 0..<0x8000, using: &generator)),
            timestamp: RTPTimestamp(rawValue: .random(in: .min ... .max, using: &generator)))
    }

    public static func random() -> RTPStart {
        var generator = SystemRandomNumberGenerator()
        return random(using: &generator)
    }
}

/// What a sender keeps of one stream: it numbers and stamps packets.
///
/// Time is media time: ``advance(by:)`` moves the timestamp by what was captured, sent or not; packets made in between
/// share it (the packets of one video frame).
public struct RTPSender: Sendable {
    public let ssrc: SSRC
    public var payloadType: UInt8
    /// The next packet's.
    public private(set) var sequenceNumber: SequenceNumber
    /// The next packet's.
    public private(set) var timestamp: RTPTimestamp
    /// Packets made, for sender reports (RFC 3550 §6.4.1).
    public private(set) var packets: Int64 = 0
    /// Payload bytes of the packets made, for sender reports.
    public private(set) var payloadBytes: Int64 = 0

    public init(ssrc: SSRC, payloadType: UInt8, start: RTPStart) {
        self.ssrc = ssrc
        self.payloadType = payloadType
        sequenceNumber = start.sequenceNumber
        timestamp = start.timestamp
    }

    /// The next packet, at the present timestamp.
    public mutating func packet(
        _ payload: [UInt8], marker: Bool, extensions: RTPHeaderExtensions = RTPHeaderExtensions()
    ) -> RTPPacket {
        defer {
            sequenceNumber = sequenceNumber + 1
            packets += 1
            payloadBytes += Int64(payload.count)
        }
        return RTPPacket(
            payloadType: payloadType, marker: marker, sequenceNumber: sequenceNumber, timestamp: timestamp,
            ssrc: ssrc, extensions: extensions, payload: payload)
    }

    /// Moves the timestamp.
    public mutating func advance(by ticks: Int) { timestamp = timestamp + ticks }
}
