import Media
import RTP

/// A far side that sends anything: packets with any header extensions, retransmissions of any payload, any RTCP. The session
/// never traps, gives out what it must and no more, keeps a bounded number of streams, and its deadlines move.
///
/// The input is a row of events: kind, length, then so many bytes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTransport(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    var session = Session()
    var offset = 0
    while offset + 2 <= bytes.count {
        let end = min(bytes.count, offset + 2 + Int(bytes[offset + 1]))
        session.take(kind: bytes[offset], Array(bytes[offset + 2..<end]))
        offset = end
    }
    session.finish()
    return 0
}

private struct Session {
    var transport = RTPTransport(cname: "fuzz", seed: 1)
    var now = MonotonicInstant(nanoseconds: 1_000_000_000)

    init() {
        var ids = RTPExtensionIDs()
        (ids.audioLevel, ids.absoluteSendTime, ids.transportSequence) = (1, 2, 3)
        (ids.mid, ids.streamID, ids.repairedStreamID) = (4, 10, 11)
        let feedback = RTPFeedbackKinds(
            nack: true, pictureLoss: true, fullIntraRequest: true, remb: true, transportWide: true)
        var sender = RTPSenderConfiguration(mid: "v", kind: .video, ssrc: 70, payloadType: 100, clockRate: 90_000)
        (sender.rtxSSRC, sender.rtxPayloadType, sender.extensions, sender.feedback) = (71, 101, ids, feedback)
        transport.setSender(sender, now: now)
        var video = RTPReceiverConfiguration(
            mid: "v", kind: .video, codecs: [.init(payloadType: 100, clockRate: 90_000, rtxPayloadType: 101)])
        (video.ssrcs, video.rtxSSRCs, video.extensions, video.feedback) = ([80], [80: 81], ids, feedback)
        transport.setReceiver(video)
        var audio = RTPReceiverConfiguration(
            mid: "a", kind: .audio, codecs: [.init(payloadType: 109, clockRate: 48_000)])
        (audio.extensions, audio.feedback) = (ids, feedback)
        transport.setReceiver(audio)
    }

    mutating func take(kind: UInt8, _ bytes: [UInt8]) {
        now = now + .milliseconds(Int(kind >> 2))
        switch kind & 3 {
        case 0:
            if let packet = try? RTPPacket(parsing: bytes.span) { transport.receive(packet, now: now) }
        case 1: transport.receive(rtcp: bytes.span, now: now)
        case 2:
            let number = SequenceNumber(rawValue: UInt16(bytes.first ?? 0) * 257)
            transport.send(
                RTPPacket(payloadType: 96, sequenceNumber: number, timestamp: 0, ssrc: 7, payload: bytes), mid: "v",
                now: now)
        default: transport.handleTimeout(now: now)
        }
        drain()
    }

    mutating func finish() {
        for _ in 0..<100 {
            guard let deadline = transport.deadline else { break }
            now = max(now, deadline)
            transport.handleTimeout(now: now)
            drain()
            if let next = transport.deadline { precondition(next > now, "what was due is done") }
        }
        precondition(transport.statistics.receivers.count <= 128, "streams do not add up")
    }

    private mutating func drain() {
        while let action = transport.nextAction() {
            switch action {
            case .deliver(let packet, _):
                precondition(packet.extensions.ids.allSatisfy { $0 == RTPTransport.audioLevelID }, "the level alone")
            case .sendRTCP(let bytes):
                precondition(RTCPDatagram(parsing: bytes.span).malformed == 0, "what is sent can be read")
            case .sendRTP(let packet):
                guard let bytes = try? packet.serialized() else { fatalError("what is sent can be written") }
                precondition((try? RTPPacket(parsing: bytes.span)) != nil, "and read")
            default: break
            }
        }
    }
}
