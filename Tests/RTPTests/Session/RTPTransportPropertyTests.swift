import CTestSupport
import Media
import RTP
import TestSupport
import Testing

@Suite("The RTP session under loss, doubling and disorder")
struct RTPTransportPropertyTests {
    @Test(
        "With retransmissions what is delivered is complete, and each packet once",
        arguments: 1...6 as ClosedRange<UInt64>)
    func completeness(seed: UInt64) throws {
        let usesRTX = seed % 2 == 0
        var call = CallSimulation(seed: seed, usesRTX: usesRTX)
        for isUp in [true, false] {
            var link = SimulatedLink()
            link.loss = 0.05
            link.jitter = .milliseconds(10)
            link.reordered = 0.02
            link.duplicated = 0.01
            if isUp { call.uplink = link } else { call.downlink = link }
        }
        try call.run(for: .seconds(20))
        call.hasVideo = false
        try call.run(for: .seconds(2))
        let sent = try #require(call.sentNumbers[70])
        let delivered = call.far.delivered.filter { $0.ssrc == 70 }.map(\.sequenceNumber)
        let receiver = try #require(call.far.transport.statistics.receivers.first { $0.mid == "1" })
        let sender = try #require(call.near.transport.statistics.senders.first { $0.mid == "1" })
        print(
            """
            seed \(seed), \(usesRTX ? "RTX" : "plain"): \(sent.count) pictures' packets, \(sender.retransmitted) sent again, \
            \(receiver.recovered) recovered, \(receiver.duplicates) doubled, \(receiver.lost) lost
            """)
        #expect(Set(delivered) == Set(sent), "seed \(seed): missing \(Set(sent).subtracting(delivered).count)")
        #expect(delivered.count == sent.count, "each once")
        #expect(receiver.packets == Int64(delivered.count))
        #expect(receiver.lost == 0)
        #expect(sender.packets == Int64(sent.count))
        #expect(receiver.recovered <= sender.retransmitted)
        let sound = call.far.delivered.filter { $0.ssrc == 60 }.count
        let soundReceiver = try #require(call.far.transport.statistics.receivers.first { $0.mid == "0" })
        #expect(soundReceiver.packets == Int64(sound))
        #expect(Int(soundReceiver.lost) <= (call.sentNumbers[60]?.count ?? 0) - sound)
    }

    @Test(
        "Any RTCP and any packets: nothing traps, deadlines move, nothing grows",
        arguments: 1...5 as ClosedRange<UInt64>)
    func hostility(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var target = TestTransport(seed: seed)
        var now = MonotonicInstant(nanoseconds: 1_000_000_000_000)
        target.transport.setSender(.audio(), now: now)
        target.transport.setSender(.video(), now: now)
        target.transport.setReceiver(.audio(isSignalled: false))
        target.transport.setReceiver(.video())
        for step in 0..<20_000 {
            now = now + .microseconds(Int64.random(in: 0...3000, using: &generator))
            var packet = RTPPacket(
                payloadType: [100, 101, 109, 3].randomElement(using: &generator)!,
                sequenceNumber: SequenceNumber(rawValue: .random(in: .min ... .max, using: &generator)),
                timestamp: RTPTimestamp(rawValue: .random(in: .min ... .max, using: &generator)),
                ssrc: SSRC(
                    rawValue: Bool.random(using: &generator)
                        ? .random(in: 60...90, using: &generator) : .random(in: .min ... .max, using: &generator)),
                payload: [UInt8](repeating: 1, count: .random(in: 0...50, using: &generator)))
            try packet.extensions.set([UInt8.random(in: 0...255, using: &generator), 1], id: 3)
            switch step % 4 {
            case 0: target.transport.receive(packet, now: now)
            case 1:
                var rtcp = bytes(RTCPFixture.all.randomElement(using: &generator)!.text)
                rtcp[.random(in: 0..<rtcp.count, using: &generator)] = .random(in: .min ... .max, using: &generator)
                target.transport.receive(rtcp: rtcp.span, now: now)
            case 2: target.transport.send(packet, mid: Bool.random(using: &generator) ? "0" : "1", now: now)
            default: target.transport.handleTimeout(now: now)
            }
            while target.transport.nextAction() != nil {}
            if step % 100 == 0 {
                target.transport.handleTimeout(now: now)
                while target.transport.nextAction() != nil {}
                if let deadline = target.transport.deadline { #expect(deadline > now, "seed \(seed), step \(step)") }
            }
        }
        #expect(target.transport.statistics.receivers.count <= 128)
        #expect(target.transport.statistics.pacerBytes < 100_000)
    }

    @Test(
        "In the steady state a packet on its way out and one on its way in allocate nothing of their own",
        .enabled(if: test_allocations(0) >= 0))
    func allocations() throws {
        var now = MonotonicInstant(nanoseconds: 1_000_000_000_000)
        var near = RTPTransport(cname: "near", seed: 1)
        var far = RTPTransport(cname: "far", seed: 2)
        near.setSender(.video(), now: now)
        far.setReceiver(.video())
        let payload = [UInt8](repeating: 1, count: 1000)
        var storage = [UInt8](repeating: 0, count: 1500)
        var counted: [Int64] = [0, 0]
        var number: SequenceNumber = 0
        for index in 0..<12_000 {
            now = now + .milliseconds(5)
            let packet = RTPPacket(payloadType: 96, sequenceNumber: number, timestamp: 0, ssrc: 7, payload: payload)
            number = number + 1
            let before = test_allocations(0)
            near.send(packet, mid: "1", now: now)
            var wire: RTPPacket?
            while let action = near.nextAction() {
                guard case .sendRTP(let outgoing) = action else { continue }
                var span = storage.mutableSpan
                let count = try outgoing.serialize(into: &span)
                _ = count
            }
            if index >= 8000 { counted[0] += test_allocations(0) - before }
            // The packet as parsing makes it: its payload and extensions are arrays of its own.
            var copy = packet
            (copy.ssrc, copy.payloadType) = (70, 100)
            try copy.extensions.set([UInt8(number.rawValue >> 8), UInt8(number.rawValue & 0xFF)], id: 3)
            wire = copy
            let beforeReceiving = test_allocations(0)
            if let packet = wire.take() { far.receive(packet, now: now) }
            while far.nextAction() != nil {}
            if index >= 8000 { counted[1] += test_allocations(0) - beforeReceiving }
            if index % 20 == 0 { far.handleTimeout(now: now) }
            while far.nextAction() != nil {}
            if index % 20 == 10 { near.handleTimeout(now: now) }
            while near.nextAction() != nil {}
        }
        print("allocations in 4,000 packets out and in: \(counted), \(Self.isOptimised ? "optimised" : "unoptimised")")
        // Unoptimised code boxes what optimised code does not; there it can only be said that it does not grow.
        #expect(counted[0] + counted[1] <= (Self.isOptimised ? 0 : 50_000))
    }

    private static var isOptimised: Bool {
        var isOptimised = true
        assert({ isOptimised = false }() == ())
        return isOptimised
    }
}
