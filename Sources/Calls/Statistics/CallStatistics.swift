public import Media
public import Rooms

/// What a session has come to. Times count from the call to `join()`.
public struct CallStatistics: Sendable, Hashable {
    /// A microphone or speaker.
    public struct Audio: Sendable, Hashable {
        public var info: AudioStreamInfo
        public var stream: AudioStreamStatistics
        /// Microphone: until the first block was in hand. Speaker: until the first received sound left the hardware.
        public var first: Duration?
    }

    /// A camera or shared screen.
    public struct Video: Sendable, Hashable {
        public var info: VideoStreamInfo
        public var stream: VideoStreamStatistics
        /// Until the first frame was in hand.
        public var first: Duration?
    }

    /// What was encoded and sent of a kind.
    public struct Sent: Sendable, Hashable {
        public var packets: Int64 = 0
        public var bytes: Int64 = 0
        /// Blocks or frames that were older than the join, and so were not sent.
        public var droppedStale: Int64 = 0
        /// Until the first packet was handed to the transport.
        public var first: Duration?
        /// The loudest sample so far, 0–1 (sound only).
        public var peak: Double = 0
        public var levelDBov: Double = -127
    }

    /// What was received of a remote track.
    public struct Received: Sendable, Hashable {
        public var packets: Int64 = 0
        public var lost: Int64 = 0
        /// Interarrival jitter (RFC 3550 §6.4.1).
        public var jitter: Duration = .zero
        /// Blocks of sound made up for packets that did not come.
        public var concealed: Int64 = 0
        public var framesDecoded: Int64 = 0
        /// Until the first packet came.
        public var firstPacket: Duration?
        /// Until the first sound or picture was decoded.
        public var first: Duration?
        public var levelDBov: Double = -127
    }

    /// How often the service said that it sees many packets lost.
    public struct SlowLinks: Sendable, Hashable {
        /// Of those that this machine sends, and of those sent to it.
        public var up = 0
        public var down = 0
        /// Packets, by the service's count, both ways.
        public var lostPackets = 0

        mutating func add(isUplink: Bool, lostPackets lost: Int) {
            if isUplink { up += 1 } else { down += 1 }
            lostPackets += max(0, min(lost, 1 << 32))
        }
    }

    public var microphone: Audio?
    public var speaker: Audio?
    public var camera: Video?
    public var screenShare: Video?
    public var sent: [TrackKind: Sent] = [:]
    public var received: [TrackID: Received] = [:]
    /// Until the session was joined.
    public var joined: Duration?
    /// Of the way that others' tracks come by: until our side of it was described to the service, until the service's
    /// first check of a path (RFC 8445 §7), and until it was protected.
    public struct Opening: Sendable, Hashable {
        public var described: Duration
        public var checked: Duration?
        public var connected: Duration?
    }

    /// Nil where that way stands since an earlier session (``StandbyPolicy/warm``).
    public var opening: Opening?
    /// The way to the service; nil where the service has none of its own (packets handed over within a process).
    public var transport: TransportStatistics?
    /// How often the connection was lost and taken up again.
    public var reconnections = 0
    public var slowLinks = SlowLinks()
    /// How often each device was lost and taken up again, and for how long nothing came.
    public var recoveries = Recoveries()

    /// The recoveries of the devices.
    public struct Recoveries: Sendable, Hashable {
        public var microphone = DeviceRecoveries()
        public var speaker = DeviceRecoveries()
        public var camera = DeviceRecoveries()
        public var screenShare = DeviceRecoveries()

        public init() {}
    }

    /// Until the first packet of anybody else came; of those that are still in the call.
    public var firstRTP: Duration? { received.values.compactMap(\.firstPacket).min() }

    /// Until the first sound of anybody else was decoded.
    public var firstSound: Duration? { first(.audio) }

    /// Until the first picture of anybody else was decoded.
    public var firstPicture: Duration? {
        [first(.video), first(.screenShare)].compactMap(\.self).min()
    }

    private func first(_ kind: TrackKind) -> Duration? {
        received.filter { $0.key.kind == kind }.compactMap(\.value.first).min()
    }
}

/// What a session came to in the end, told by ``CallState/lastSession`` after it was left.
public struct SessionReport: Sendable, Hashable {
    public var generation: Int
    public var sessionID: SessionID
    public var unifiedSessionID: SessionID
    public var statistics: CallStatistics
    public var errors: [CallError]
    /// From the call to `leave()` until the devices were closed.
    public var leaveDuration: Duration
    /// What happened when.
    public var trace: [TraceEvent]
}
