import Media
import RTP
import Testing

@Suite("The RTP session of a transport")
struct RTPTransportTests {
    private let start = MonotonicInstant(nanoseconds: 1_000_000_000_000)

    /// A packet as a far side sends it.
    private func wire(
        _ number: UInt16, ssrc: SSRC = 70, payloadType: UInt8 = 100, mid: String? = nil, payload: [UInt8]? = nil
    ) throws -> RTPPacket {
        var packet = RTPPacket(
            payloadType: payloadType, sequenceNumber: SequenceNumber(rawValue: number), timestamp: 3000, ssrc: ssrc,
            payload: payload ?? [UInt8(truncatingIfNeeded: number), 1, 2])
        if let mid { try packet.extensions.set(Array(mid.utf8), id: 4) }
        return packet
    }

    private func picture(_ number: UInt16, ssrc: SSRC = 7, timestamp: RTPTimestamp = 0) -> RTPPacket {
        RTPPacket(
            payloadType: 96, sequenceNumber: SequenceNumber(rawValue: number), timestamp: timestamp, ssrc: ssrc,
            payload: [UInt8(truncatingIfNeeded: number), 1, 2])
    }

    private func nacks(_ packets: [RTCPPacket]) -> [[UInt16]] {
        packets.compactMap {
            guard case .nack(_, _, let numbers) = $0 else { return nil }
            return numbers.map(\.rawValue)
        }
    }

    // MARK: The estimate of the way here

    /// What REMB came of a hundred packets, 20 ms apart, of a far side that asks for these messages.
    private func estimates(
        of feedback: RTPFeedbackKinds, hasSequence: Bool = true, hasSendTime: Bool = true
    ) throws -> [RTCPPacket] {
        var receiver = TestTransport()
        var line = RTPReceiverConfiguration.video()
        line.feedback = feedback
        if !hasSequence { line.extensions.transportSequence = nil }
        receiver.transport.setReceiver(line)
        for number in 0..<100 {
            let now = start + .milliseconds(20 * number)
            var packet = try wire(UInt16(number), payload: [UInt8](repeating: 0, count: 1000))
            // 6.18 seconds, from shortly before they wrap.
            let sent = (63 * 262_144 + number * 262_144 / 50) & 0xFF_FFFF
            if hasSendTime {
                try packet.extensions.set([UInt8(sent >> 16), UInt8(sent >> 8 & 255), UInt8(sent & 255)], id: 2)
            }
            try receiver.advance(to: now)
            try receiver.receive(packet, now: now)
        }
        return receiver.rtcp.filter { if case .remb = $0 { true } else { false } }
    }

    @Test("A far side that asks for REMB and has no transport-wide feedback is told once a second what comes through")
    func tellsREMB() throws {
        let feedback = RTPFeedbackKinds(remb: true)
        let told = try estimates(of: feedback)
        #expect((1...3).contains(told.count))
        guard case .remb(_, let rate, let ssrcs)? = told.last else { return }
        // Half as much again as comes, which is 400 kbit/s and what headers take.
        #expect((550_000...700_000).contains(rate) && ssrcs == [70])
        let both = RTPFeedbackKinds(remb: true, transportWide: true)
        #expect(try estimates(of: both).isEmpty, "it makes its own estimate")
        #expect(try !estimates(of: both, hasSequence: false).isEmpty, "it cannot: nothing numbers the packets")
        #expect(try estimates(of: RTPFeedbackKinds()).isEmpty, "nobody asked")
        #expect(try estimates(of: feedback, hasSendTime: false).isEmpty, "there is nothing to go by")
    }

    // MARK: Sending

    @Test("A pipeline's packet leaves with the stream's names and the negotiated extensions")
    func sending() throws {
        var sender = TestTransport()
        sender.transport.setSender(.audio(), now: start)
        var sound = RTPPacket.sound(0)
        try sound.extensions.setAudioLevel(AudioLevel(dBov: -30, isVoice: true), id: RTPTransport.audioLevelID)
        try sender.send(sound, mid: "0", now: start)
        let packet = try #require(sender.sent.first)
        #expect(packet.ssrc == 60)
        #expect(packet.payloadType == 109)
        #expect(packet.sequenceNumber == sound.sequenceNumber)
        #expect(packet.timestamp == sound.timestamp)
        #expect(packet.payload == sound.payload)
        #expect(packet.extensions.audioLevel(id: 1) == AudioLevel(dBov: -30, isVoice: true))
        #expect(packet.extensions[4].map { String(decoding: $0, as: UTF8.self) } == "0")
        // 1,000 s are 40 s beyond the last wrap of 64 s, in 6.18.
        #expect(packet.extensions[2].map(Array.init) == [40 << 2, 0, 0])
        #expect(packet.extensions[3].map(Array.init) == [0, 0])
        #expect(packet.extensions[10] == nil)
    }

    @Test("Ids and names that the one-byte form has no room for are written in the two-byte form")
    func wideExtensions() throws {
        let name = String(repeating: "m", count: 17)
        var sender = TestTransport()
        var video = RTPSenderConfiguration.video(mid: name)
        video.extensions.transportSequence = 200
        sender.transport.setSender(video, now: start)
        try sender.send(picture(1), mid: name, now: start)
        let extensions = try #require(sender.sent.first).extensions
        #expect(extensions.form == .twoByte(applicationBits: 0))
        #expect(extensions[4].map { String(decoding: $0, as: UTF8.self) } == name)
        #expect(extensions[200]?.count == 2)
    }

    @Test("The m-line's name goes with the packets until the far side reports on the stream")
    func naming() throws {
        var sender = TestTransport()
        sender.transport.setSender(.audio(), now: start)
        try sender.send(.sound(0), mid: "0", now: start)
        try sender.receive([.receiverReport(sender: 9, blocks: [.init(ssrc: 60)])], now: start)
        try sender.send(.sound(1), mid: "0", now: start)
        #expect(sender.sent.map { $0.extensions[4] != nil } == [true, false])
    }

    @Test("Where the source of a stream changes, numbers and timestamps go on")
    func sourceChange() throws {
        var sender = TestTransport()
        sender.transport.setSender(.video(), now: start)
        try sender.send(picture(65_535, timestamp: 1000), mid: "1", now: start)
        try sender.send(picture(9, ssrc: 8, timestamp: 77), mid: "1", now: start + .milliseconds(100))
        try sender.send(picture(10, ssrc: 8, timestamp: 3077), mid: "1", now: start + .milliseconds(133))
        // Beside them go repetitions that probe the link.
        let stream = sender.sent.filter { $0.ssrc == 70 }
        #expect(stream.map(\.sequenceNumber) == [65_535, 0, 1])
        #expect(stream.map(\.timestamp) == [1000, 10_000, 13_000])
    }

    @Test("A packet asked for again leaves as a retransmission, once a round trip", arguments: [true, false])
    func resending(usesRTX: Bool) throws {
        var sender = TestTransport()
        var video = RTPSenderConfiguration.video(usesRTX: usesRTX)
        // Without it nothing probes.
        video.extensions.transportSequence = nil
        sender.transport.setSender(video, now: start)
        try sender.send(picture(65_535), mid: "1", now: start)
        try sender.send(picture(0), mid: "1", now: start + .milliseconds(50))
        let original = sender.sent[0]
        sender.sent = []
        for _ in 0..<2 {
            try sender.receive([.nack(sender: 9, media: 70, [65_535, 5])], now: start + .milliseconds(100))
            try sender.advance(to: start + .milliseconds(110))
        }
        let repeated = try #require(sender.sent.first)
        #expect(sender.sent.count == 1)
        if usesRTX {
            #expect(repeated.ssrc == 71)
            #expect(repeated.payloadType == 101)
            #expect(repeated.payload == [0xFF, 0xFF] + original.payload)
        } else {
            #expect(repeated.ssrc == 70)
            #expect(repeated.sequenceNumber == 65_535)
            #expect(repeated.payload == original.payload)
        }
        #expect(repeated.timestamp == original.timestamp)
        #expect(repeated.marker == original.marker)
        let statistics = try #require(sender.transport.statistics.senders.first)
        #expect(statistics.retransmitted == 1)
        #expect(statistics.notRetransmitted == 3)
        #expect(statistics.packets == 2)
    }

    @Test("Requests for keyframes are passed on, the same one once")
    func keyframeRequests() throws {
        var sender = TestTransport()
        sender.transport.setSender(.video(), now: start)
        let messages: [(Int, RTCPPacket, Bool)] = [
            (0, .pictureLoss(sender: 9, media: 70), true),
            (10, .pictureLoss(sender: 9, media: 70), false),
            (200, .fullIntraRequest(sender: 9, [.init(ssrc: 70, number: 1)]), true),
            (400, .fullIntraRequest(sender: 9, [.init(ssrc: 70, number: 1)]), false),
            (600, .fullIntraRequest(sender: 9, [.init(ssrc: 70, number: 2)]), true),
            (800, .pictureLoss(sender: 9, media: 99), false),
        ]
        for (at, message, isPassedOn) in messages {
            try sender.receive([message], now: start + .milliseconds(at))
            #expect(
                sender.others.contains { if case .keyframeRequested("1") = $0 { true } else { false } } == isPassedOn,
                "\(at)")
            sender.others = []
        }
    }

    // MARK: Receiving

    @Test("Streams are bound by what signalling said, by their name, or by a payload type that one m-line has")
    func binding() throws {
        var receiver = TestTransport()
        receiver.transport.setReceiver(.video(mid: "a"))
        var other = RTPReceiverConfiguration.video(mid: "b", isSignalled: false)
        other.codecs.append(.init(payloadType: 120, clockRate: 90_000))
        receiver.transport.setReceiver(other)
        try receiver.receive(wire(1, ssrc: 70), now: start)
        try receiver.receive(wire(1, ssrc: 80, mid: "b"), now: start)
        try receiver.receive(wire(2, ssrc: 80), now: start)
        try receiver.receive(wire(1, ssrc: 90, payloadType: 120), now: start)
        try receiver.receive(wire(1, ssrc: 91), now: start)
        try receiver.receive(wire(1, ssrc: 92, mid: "c"), now: start)
        #expect(receiver.mids == ["a", "b", "b", "b"])
        #expect(receiver.delivered.map(\.payloadType) == [96, 96, 96, 120])
        #expect(receiver.delivered.allSatisfy { $0.extensions.isEmpty })
        #expect(receiver.transport.statistics.unknownStreamPackets == 2)
        let bound = receiver.others.compactMap { if case .bound(let ssrc, "b") = $0 { ssrc } else { nil } }
        #expect(bound == [80, 90])
    }

    @Test("Only the audio level is given out, under the pipeline's id")
    func deliveredExtensions() throws {
        var receiver = TestTransport()
        var audio = RTPReceiverConfiguration.audio()
        audio.extensions.audioLevel = 6
        receiver.transport.setReceiver(audio)
        var packet = try wire(1, ssrc: 60, payloadType: 109, mid: "0")
        try packet.extensions.set([1, 2], id: 1)
        try packet.extensions.setAudioLevel(AudioLevel(dBov: -20, isVoice: false), id: 6)
        try receiver.receive(packet, now: start)
        let extensions = try #require(receiver.delivered.first).extensions
        #expect(extensions.ids == [1])
        #expect(extensions.audioLevel(id: 1) == AudioLevel(dBov: -20, isVoice: false))
    }

    @Test("A retransmission is given out as the packet it repeats; what comes twice is dropped")
    func unwrapping() throws {
        var receiver = TestTransport()
        receiver.transport.setReceiver(.video())
        for number in [1, 2, 4, 4] as [UInt16] { try receiver.receive(wire(number), now: start) }
        try receiver.advance(to: start + .milliseconds(10))
        let retransmission = try wire(900, ssrc: 71, payloadType: 101, payload: [0, 3, 0xAA, 0xBB])
        for _ in 0..<2 { try receiver.receive(retransmission, now: start + .milliseconds(50)) }
        // Padding that probes, and one that is cut.
        try receiver.receive(wire(901, ssrc: 71, payloadType: 101, payload: []), now: start)
        try receiver.receive(wire(902, ssrc: 71, payloadType: 101, payload: [0]), now: start)
        #expect(receiver.delivered.map(\.sequenceNumber) == [1, 2, 4, 3])
        #expect(receiver.delivered.last?.payload == [0xAA, 0xBB])
        #expect(receiver.delivered.last?.payloadType == 96)
        #expect(receiver.delivered.last?.ssrc == 70)
        let statistics = try #require(receiver.transport.statistics.receivers.first)
        #expect(statistics.packets == 4)
        #expect(statistics.duplicates == 2)
        #expect(statistics.recovered == 1)
        #expect(statistics.lost == 0)
    }

    @Test("Retransmissions of streams that signalling did not name are bound by m-line and rid")
    func unsignalledRetransmissions() throws {
        var receiver = TestTransport()
        receiver.transport.setReceiver(.video(isSignalled: false))
        for (ssrc, rid) in [(80, "hi"), (90, "lo")] as [(SSRC, String)] {
            var packet = try wire(10, ssrc: ssrc, mid: "1")
            try packet.extensions.set(Array(rid.utf8), id: 10)
            try receiver.receive(packet, now: start)
        }
        var repair = try wire(1, ssrc: 85, payloadType: 101, mid: "1", payload: [0, 11, 5])
        try repair.extensions.set(Array("hi".utf8), id: 11)
        try receiver.receive(repair, now: start)
        #expect(receiver.delivered.last?.ssrc == 80)
        #expect(receiver.delivered.last?.sequenceNumber == 11)
        #expect(receiver.transport.statistics.receivers.map(\.streamID) == ["hi", "lo"])
    }

    @Test("A gap is asked for after a moment, again after a round trip, and not for ever")
    func repairRequests() throws {
        var receiver = TestTransport()
        receiver.transport.setReceiver(.video())
        try receiver.receive(wire(65_534), now: start)
        try receiver.receive(wire(1), now: start)
        #expect(nacks(receiver.rtcp).isEmpty, "it may have been overtaken")
        var times: [Double] = []
        while let deadline = receiver.transport.deadline, deadline < start + .seconds(3) {
            receiver.rtcp = []
            try receiver.advance(to: deadline)
            guard let asked = nacks(receiver.rtcp).first else { continue }
            #expect(asked == [65_535, 0])
            times.append((deadline - start).milliseconds)
        }
        #expect(times.first == 4)
        // The round trip is unknown: 100 ms and a quarter of it.
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 == 129 })
        #expect(times.count == 8, "until a second has passed")
        #expect(receiver.transport.statistics.receivers.first?.nackedPackets == 16)
    }

    @Test("What comes before it is asked for is not, and lengthens the wait")
    func reordering() throws {
        var receiver = TestTransport()
        receiver.transport.setReceiver(.video())
        for number in [1, 3] as [UInt16] { try receiver.receive(wire(number), now: start) }
        try receiver.advance(to: start + .milliseconds(4))
        // The packet itself, not a retransmission, 20 ms late.
        try receiver.receive(wire(5), now: start + .milliseconds(5))
        try receiver.receive(wire(4), now: start + .milliseconds(8))
        #expect(nacks(receiver.rtcp) == [[2]])
        try receiver.receive(wire(2), now: start + .milliseconds(20))
        receiver.rtcp = []
        try receiver.receive(wire(7), now: start + .milliseconds(30))
        try receiver.advance(to: start + .milliseconds(40))
        #expect(nacks(receiver.rtcp).isEmpty, "packets are seen to be 20 ms late")
        try receiver.advance(to: start + .milliseconds(60))
        #expect(nacks(receiver.rtcp) == [[6]])
    }

    @Test("Without NACK negotiated nothing is asked for")
    func noRepair() throws {
        var receiver = TestTransport()
        receiver.transport.setReceiver(.audio())
        for number in [1, 9] as [UInt16] { try receiver.receive(wire(number, ssrc: 60, payloadType: 109), now: start) }
        try receiver.advance(to: start + .seconds(1))
        #expect(nacks(receiver.rtcp).isEmpty)
    }

    @Test("A goodbye ends a stream; one of ours is said when a stream is taken away")
    func goodbye() throws {
        var transport = TestTransport()
        transport.transport.setSender(.video(), now: start)
        transport.transport.setReceiver(.audio())
        try transport.send(picture(1), mid: "1", now: start)
        try transport.receive(wire(1, ssrc: 60, payloadType: 109), now: start)
        try transport.receive([.goodbye([60, 99], reason: nil)], now: start)
        let ended = transport.others.compactMap { if case .ended(let ssrc, "0") = $0 { ssrc } else { nil } }
        #expect(ended == [60])
        #expect(transport.transport.statistics.receivers.isEmpty)
        transport.transport.removeSender(mid: "1", now: start)
        try transport.drain()
        #expect(transport.rtcp.last == .goodbye([70], reason: nil))
    }

    @Test("An m-line that is given to another stream forgets the one before")
    func reuse() throws {
        var receiver = TestTransport()
        receiver.transport.setReceiver(.video())
        try receiver.receive(wire(1), now: start)
        var next = RTPReceiverConfiguration.video()
        (next.ssrcs, next.rtxSSRCs) = ([90], [90: 91])
        receiver.transport.setReceiver(next)
        #expect(receiver.transport.statistics.receivers.isEmpty)
        try receiver.receive(wire(1, ssrc: 90), now: start)
        #expect(receiver.transport.statistics.receivers.map(\.ssrc) == [90])
        receiver.transport.removeReceiver(mid: "1")
        try receiver.receive(wire(2, ssrc: 90), now: start)
        #expect(receiver.delivered.count == 2)
    }

    @Test("Where nobody asked for it, nothing is told of arrivals")
    func noFeedback() throws {
        var receiver = TestTransport()
        var video = RTPReceiverConfiguration.video()
        video.feedback.transportWide = false
        receiver.transport.setReceiver(video)
        var packet = try wire(1)
        try packet.extensions.set([0, 1], id: 3)
        try receiver.receive(packet, now: start)
        try receiver.advance(to: start + .seconds(1))
        #expect(!receiver.rtcp.contains { if case .transportFeedback = $0 { true } else { false } })
    }

    @Test("A keyframe is asked for by what was negotiated")
    func askingForKeyframes() throws {
        var receiver = TestTransport()
        receiver.transport.setReceiver(.video(mid: "a"))
        var other = RTPReceiverConfiguration.video(mid: "b", isSignalled: false)
        other.feedback = RTPFeedbackKinds(fullIntraRequest: true)
        receiver.transport.setReceiver(other)
        try receiver.receive(wire(1, ssrc: 80, mid: "b"), now: start)
        receiver.rtcp = []
        for mid in ["a", "b", "b", "c"] { receiver.transport.requestKeyframe(mid: mid, now: start) }
        try receiver.drain()
        guard case .pictureLoss(let own, 70) = receiver.rtcp.first else {
            Issue.record("no PLI")
            return
        }
        // A report in front names the stream: Janus takes feedback for it by nothing else.
        let about = receiver.rtcp.compactMap { packet -> SSRC? in
            if case .receiverReport(own, let blocks) = packet { blocks.first?.ssrc } else { nil }
        }
        #expect(about == [80, 80])
        let requests = receiver.rtcp.filter { if case .fullIntraRequest = $0 { true } else { false } }
        #expect(
            requests == [
                .fullIntraRequest(sender: own, [.init(ssrc: 80, number: 0)]),
                .fullIntraRequest(sender: own, [.init(ssrc: 80, number: 1)]),
            ])
    }

    // MARK: Reports

    @Test("The first report goes at once and names us; more follow, each with news of both directions")
    func reports() throws {
        var transport = TestTransport(cname: "somebody")
        transport.transport.setSender(.audio(), now: start)
        transport.transport.setReceiver(.video())
        try transport.send(.sound(0), mid: "0", now: start)
        try transport.receive(wire(7), now: start)
        try transport.advance(to: start)
        guard case .senderReport(let report) = transport.rtcp.first else {
            Issue.record("no report")
            return
        }
        #expect(report.ssrc == 60)
        #expect(report.packets == 1)
        #expect(report.blocks.map(\.ssrc) == [70])
        #expect(report.blocks.first?.highestSequence == 7)
        #expect(transport.rtcp.last == .sourceDescription([.init(ssrc: 60, cname: "somebody")]))
        var reports = 0
        while let deadline = transport.transport.deadline, deadline < start + .seconds(10) {
            transport.rtcp = []
            try transport.advance(to: deadline)
            reports += transport.rtcp.isEmpty ? 0 : 1
            if transport.rtcp.contains(where: { if case .senderReport = $0 { true } else { false } }) {
                Issue.record("a report of what was not sent")
            }
        }
        #expect((16...25).contains(reports), "about two a second with video")
    }

    @Test("Feedback goes with no more than a report of its stream only where that was negotiated")
    func compound() throws {
        for allowsReducedSize in [true, false] {
            var receiver = TestTransport()
            receiver.transport.setReducedSize(allowsReducedSize)
            receiver.transport.setReceiver(.video())
            try receiver.receive(wire(1), now: start)
            try receiver.advance(to: start)
            receiver.rtcp = []
            receiver.transport.requestKeyframe(mid: "1", now: start)
            try receiver.drain()
            #expect(receiver.rtcp.count == (allowsReducedSize ? 2 : 4))
        }
    }

    @Test("A stream whose SSRC somebody else uses goes on under another; a loop of its own packets changes nothing")
    func collision() throws {
        var near = TestTransport()
        near.transport.setSender(.video(), now: start)
        near.transport.setReceiver(.video())
        try near.send(wire(1), mid: "1", now: start)
        try near.drain()
        let own = RTPSenderConfiguration.video().ssrc
        var theirs = try wire(7)
        theirs.ssrc = own
        near.rtcp = []
        try near.receive(theirs, now: start + .milliseconds(10))
        try near.drain()
        let replaced = try #require(near.replacements.first)
        #expect(near.replacements.count == 1 && replaced.old == own && replaced.new != own && replaced.mid == "1")
        let ended = near.rtcp.contains { if case .goodbye([own], _) = $0 { true } else { false } }
        #expect(ended, "those who receive are told (RFC 3550 §8.2)")
        var looped = theirs
        looped.ssrc = replaced.new
        try near.receive(looped, now: start + .milliseconds(20))
        try near.drain()
        #expect(near.replacements.count == 1)
        try near.send(wire(2), mid: "1", now: start + .milliseconds(100))
        try near.advance(to: start + .milliseconds(200))
        #expect(near.transport.statistics.senders.map(\.ssrc) == [replaced.new])
    }

    @Test("The round trip is that of the way")
    func roundTrip() throws {
        var call = CallSimulation(seed: 1)
        call.uplink.delay = .milliseconds(30)
        call.downlink.delay = .milliseconds(50)
        try call.run(for: .seconds(3))
        let roundTrip = try #require(call.near.transport.statistics.roundTrip)
        #expect(abs(roundTrip.milliseconds - 80) < 1)
    }

    @Test("The far side is told when each packet arrived, over the wrap of the numbers")
    func arrivals() throws {
        var receiver = TestTransport()
        receiver.transport.setReceiver(.video())
        var told: [SequenceNumber: Int64?] = [:]
        for index in 0..<200 where index % 10 != 4 {
            var packet = try wire(UInt16(index))
            let number = SequenceNumber(rawValue: 65_500) + index
            try packet.extensions.set([UInt8(number.rawValue >> 8), UInt8(number.rawValue & 0xFF)], id: 3)
            let at = start + .milliseconds(10 * index)
            try receiver.advance(to: at)
            try receiver.receive(packet, now: at)
        }
        try receiver.advance(to: start + .seconds(3))
        var messages = 0
        for case .transportFeedback(let feedback) in receiver.rtcp {
            #expect(feedback.number == UInt8(messages))
            messages += 1
            var time = Int64(feedback.referenceTime) * 256
            for (offset, delta) in feedback.arrivals.enumerated() {
                if let delta { time += Int64(delta) }
                told[feedback.first + offset] = .some(delta == nil ? nil : time)
            }
        }
        #expect((42...50).contains(messages), "every 20 ms at first, then every 50 ms, in 2 s")
        let first = Int64(start.nanoseconds / 250_000)
        for index in 0..<200 {
            let time = told[SequenceNumber(rawValue: 65_500) + index]
            #expect(time != nil, "packet \(index) is told of")
            // 24 bits of 64 ms.
            let expected = (first + 40 * Int64(index)) % (256 << 24)
            #expect(time == .some(index % 10 == 4 ? nil : expected), "packet \(index)")
        }
    }
}
