import Media
import RTP

/// A transport under test, with what it did.
struct TestTransport {
    var transport: RTPTransport
    var sent: [RTPPacket] = []
    var rtcp: [RTCPPacket] = []
    var delivered: [RTPPacket] = []
    var mids: [String] = []
    var others: [RTPTransport.Action] = []
    /// What goes to the far side, in order.
    var datagrams: [Datagram] = []

    enum Datagram {
        case rtp([UInt8])
        case rtcp([UInt8])

        var count: Int {
            switch self {
            case .rtp(let bytes), .rtcp(let bytes): bytes.count
            }
        }
    }

    init(cname: String = "test", settings: RTPTransport.Settings = .init(), seed: UInt64 = 1) {
        transport = RTPTransport(cname: cname, settings: settings, seed: seed)
    }

    mutating func drain() throws {
        while let action = transport.nextAction() {
            switch action {
            case .sendRTP(let packet):
                let bytes = try packet.serialized()
                sent.append(try parse(bytes))
                datagrams.append(.rtp(bytes))
            case .sendRTCP(let bytes):
                rtcp += read(bytes).packets
                datagrams.append(.rtcp(bytes))
            case .deliver(let packet, let mid):
                delivered.append(packet)
                mids.append(mid)
            default: others.append(action)
            }
        }
    }

    mutating func send(_ packet: RTPPacket, mid: String, now: MonotonicInstant) throws {
        transport.send(packet, mid: mid, now: now)
        try drain()
    }

    mutating func receive(_ packet: RTPPacket, now: MonotonicInstant) throws {
        transport.receive(packet, now: now)
        try drain()
    }

    mutating func receive(_ packets: [RTCPPacket], now: MonotonicInstant) throws {
        let bytes = write(packets).bytes
        transport.receive(rtcp: bytes.span, now: now)
        try drain()
    }

    mutating func receive(_ datagram: Datagram, now: MonotonicInstant) throws {
        switch datagram {
        case .rtp(let bytes): transport.receive(try parse(bytes), now: now)
        case .rtcp(let bytes): transport.receive(rtcp: bytes.span, now: now)
        }
        try drain()
    }

    mutating func advance(to now: MonotonicInstant) throws {
        transport.handleTimeout(now: now)
        try drain()
    }

    /// The SSRCs that gave way to another, in order.
    var replacements: [(old: SSRC, new: SSRC, mid: String)] {
        others.compactMap { if case .collided(let old, let new, let mid) = $0 { (old, new, mid) } else { nil } }
    }

    mutating func takeDatagrams() -> [Datagram] {
        defer { datagrams = [] }
        return datagrams
    }
}

extension RTPExtensionIDs {
    /// All of them, as a browser numbers them.
    static var all: RTPExtensionIDs {
        var ids = RTPExtensionIDs()
        ids.audioLevel = 1
        ids.absoluteSendTime = 2
        ids.transportSequence = 3
        ids.mid = 4
        ids.streamID = 10
        ids.repairedStreamID = 11
        return ids
    }
}

extension RTPFeedbackKinds {
    static var all: RTPFeedbackKinds {
        RTPFeedbackKinds(nack: true, pictureLoss: true, fullIntraRequest: true, remb: true, transportWide: true)
    }
}

extension RTPSenderConfiguration {
    static func video(mid: String = "1", usesRTX: Bool = true) -> RTPSenderConfiguration {
        var video = RTPSenderConfiguration(mid: mid, kind: .video, ssrc: 70, payloadType: 100, clockRate: 90_000)
        if usesRTX { (video.rtxSSRC, video.rtxPayloadType) = (71, 101) }
        video.extensions = .all
        video.feedback = .all
        return video
    }

    static func audio(mid: String = "0") -> RTPSenderConfiguration {
        var audio = RTPSenderConfiguration(mid: mid, kind: .audio, ssrc: 60, payloadType: 109, clockRate: 48_000)
        audio.extensions = .all
        audio.feedback = RTPFeedbackKinds(transportWide: true)
        return audio
    }
}

extension RTPReceiverConfiguration {
    static func video(mid: String = "1", isSignalled: Bool = true) -> RTPReceiverConfiguration {
        var video = RTPReceiverConfiguration(
            mid: mid, kind: .video,
            codecs: [.init(payloadType: 100, clockRate: 90_000, rtxPayloadType: 101, deliveredAs: 96)])
        if isSignalled { (video.ssrcs, video.rtxSSRCs) = ([70], [70: 71]) }
        video.extensions = .all
        video.feedback = .all
        return video
    }

    static func audio(mid: String = "0", isSignalled: Bool = true) -> RTPReceiverConfiguration {
        var audio = RTPReceiverConfiguration(
            mid: mid, kind: .audio, codecs: [.init(payloadType: 109, clockRate: 48_000, deliveredAs: 111)])
        if isSignalled { audio.ssrcs = [60] }
        audio.extensions = .all
        audio.feedback = RTPFeedbackKinds(transportWide: true)
        return audio
    }
}
