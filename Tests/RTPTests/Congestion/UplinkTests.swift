import Media
import RTP
import Testing

@Suite("The uplink follows the link")
struct UplinkTests {
    /// 2 Mbit/s for 20 s, 500 kbit/s for 20, 2 Mbit/s for 30.
    private func narrowAndWiden(_ call: inout CallSimulation) throws -> [CallSimulation.Second] {
        for (rate, length) in [(2_000_000.0, 20), (500_000, 20), (2_000_000, 30)] {
            call.uplink.rate = rate
            try call.run(for: .seconds(length))
        }
        return call.seconds
    }

    /// 50 ms are libwebrtc's and ours, 200 ms are Janus'.
    @Test(
        "2 Mbit/s, 500 kbit/s, 2 Mbit/s: it falls at once, uses what there is, climbs, and loses little",
        arguments: [50, 200], 1...5 as ClosedRange<UInt64>
    )
    func steps(feedbackMilliseconds: Int, seed: UInt64) throws {
        var call = CallSimulation(seed: seed, feedbackInterval: .milliseconds(feedbackMilliseconds))
        let seconds = try narrowAndWiden(&call)
        let start = seconds.firstIndex { $0.estimate >= 1_400_000 } ?? 99
        let fall = seconds[20...].firstIndex { $0.estimate <= 500_000 }.map { $0 - 20 } ?? 99
        let climb = seconds[40...].firstIndex { $0.estimate >= 1_400_000 }.map { $0 - 40 } ?? 99
        let waits = seconds[24..<40].map(\.longestWait.milliseconds)
        let wait = waits.reduce(0, +) / Double(waits.count)
        let used = [10..<20, 30..<40, 55..<70].map { part in
            Double(seconds[part].map(\.deliveredBits).reduce(0, +)) / Double(part.count)
        }
        let low = Loss(seconds[20..<40])
        print(
            """
            seed \(seed), feedback every \(feedbackMilliseconds) ms: \(start + 1) s to 1.4 Mbit/s, \(fall + 1) s to fall, \
            \(climb + 1) s to climb; delivered \(used.map { Int($0 / 1000) }) kbit/s; lost \(low), \
            longest wait \(Int(wait)) ms a second in the mean
            """)
        #expect(start < 3)
        #expect(fall < 2)
        #expect(climb < 8)
        // Without IP, UDP and SRTP: some 4 % of large packets, 9 % of small ones.
        #expect(used[0] > 0.78 * 2_000_000)
        #expect(used[1] > 0.72 * 500_000)
        #expect(used[2] > 0.78 * 2_000_000)
        #expect(wait < 45, "the queue is not kept full")
        #expect(low.share < (feedbackMilliseconds == 50 ? 0.05 : 0.07))
    }

    private struct Loss: CustomStringConvertible {
        let dropped: Int
        let passed: Int
        var share: Double { Double(dropped) / Double(dropped + passed) }
        var description: String { "\(dropped) of \(dropped + passed)" }

        init(_ seconds: ArraySlice<CallSimulation.Second>) {
            dropped = seconds.map(\.dropped).reduce(0, +)
            passed = seconds.map(\.carried).reduce(0, +)
        }
    }

    @Test("Loss that is the link's own does not bring it down", arguments: [0.02, 0.05, 0.1, 0.2])
    func randomLoss(loss: Double) throws {
        var call = CallSimulation(seed: 11)
        call.uplink.rate = 2_000_000
        call.uplink.loss = loss
        call.downlink.loss = loss
        try call.run(for: .seconds(40))
        let late = call.seconds[20..<40].map(\.estimate)
        print("\(loss * 100) % lost each way: \(late.min()! / 1000)–\(late.max()! / 1000) kbit/s after 20 s")
        #expect(late.min()! > (loss < 0.2 ? 800_000 : 200_000))
        #expect(abs(call.near.transport.statistics.estimate.lossFraction - loss) < 0.12)
    }

    @Test("Jitter alone is no congestion")
    func jitter() throws {
        var call = CallSimulation(seed: 12)
        call.uplink.rate = 2_000_000
        call.uplink.jitter = .milliseconds(30)
        call.uplink.reordered = 0.02
        try call.run(for: .seconds(40))
        let late = call.seconds[10..<40].map(\.estimate)
        print("30 ms jitter, 2 % reordered: \(late.min()! / 1000)–\(late.max()! / 1000) kbit/s after 10 s")
        #expect(late.min()! > 400_000)
    }

    @Test("After an outage of five seconds it is back within seconds")
    func outage() throws {
        var call = CallSimulation(seed: 13)
        call.uplink.rate = 2_000_000
        try call.run(for: .seconds(10))
        (call.uplink.loss, call.downlink.loss) = (1, 1)
        try call.run(for: .seconds(5))
        let during = call.seconds[14].estimate
        (call.uplink.loss, call.downlink.loss) = (0, 0)
        try call.run(for: .seconds(20))
        let back = call.seconds[15...].firstIndex { $0.estimate >= 1_000_000 }.map { $0 - 15 } ?? 99
        print("outage: \(during / 1000) kbit/s at its end, 1 Mbit/s again \(back + 1) s after it")
        #expect(during < 400_000)
        #expect(back < 8)
    }

    @Test("A far side that falls silent is no reason to spin, and halves the estimate")
    func silence() throws {
        var call = CallSimulation(seed: 17)
        call.uplink.rate = 2_000_000
        try call.run(for: .seconds(3))
        let before = call.near.transport.statistics.estimate.bitsPerSecond
        call.downlink.loss = 1
        try call.run(for: .seconds(2))
        let after = call.near.transport.statistics.estimate.bitsPerSecond
        #expect(abs(after - before / 2) < before / 10)
    }

    @Test("An application that sends little keeps its estimate, and does not fill the link")
    func applicationLimited() throws {
        var call = CallSimulation(seed: 14)
        call.uplink.rate = 3_000_000
        call.videoCeiling = 300_000
        try call.run(for: .seconds(60))
        let late = call.seconds[10..<60]
        print("300 kbit/s of pictures: \(late.map(\.estimate).min()! / 1000) kbit/s at least")
        #expect(late.map(\.estimate).min()! > 600_000)
        #expect(late.map(\.sentBits).reduce(0, +) / 50 < 500_000)
        #expect(late.map(\.dropped).reduce(0, +) == 0)
    }

    @Test("REMB is a cap, at once")
    func remb() throws {
        var call = CallSimulation(seed: 15)
        call.uplink.rate = 2_000_000
        try call.run(for: .seconds(5))
        try call.near.receive([.remb(sender: 1, bitsPerSecond: 128_000, [70])], now: call.now)
        try call.run(for: .seconds(5))
        #expect(call.near.transport.statistics.estimate.bitsPerSecond <= 128_000)
        #expect(call.near.transport.statistics.estimate.bitsPerSecond > 100_000)
    }

    @Test("Without transport-wide feedback, REMB lifts it within seconds")
    func rembLifts() throws {
        var call = CallSimulation(seed: 18, isTransportWide: false, asksForREMB: false)
        call.uplink.rate = 2_000_000
        for _ in 0..<5 {
            try call.run(for: .seconds(1))
            try call.near.receive([.remb(sender: 1, bitsPerSecond: 1_200_000, [70])], now: call.now)
        }
        let estimate = call.near.transport.statistics.estimate.bitsPerSecond
        #expect((1_000_000...1_200_000).contains(estimate))
    }

    @Test(
        "Without transport-wide feedback, the far side's own REMB keeps it below the link, and lets it climb again",
        arguments: 1...5 as ClosedRange<UInt64>)
    func rembSteps(seed: UInt64) throws {
        var call = CallSimulation(seed: seed, isTransportWide: false)
        let seconds = try narrowAndWiden(&call)
        let start = seconds.firstIndex { $0.estimate >= 1_200_000 } ?? 99
        let fall = seconds[20...].firstIndex { $0.estimate <= 600_000 }.map { $0 - 20 } ?? 99
        let climb = seconds[40...].firstIndex { $0.estimate >= 1_000_000 }.map { $0 - 40 } ?? 99
        let low = Loss(seconds[25..<40])
        let waits = seconds[25..<40].map(\.longestWait.milliseconds)
        let wait = waits.reduce(0, +) / Double(waits.count)
        print(
            """
            REMB, seed \(seed): \(start + 1) s to 1.2 Mbit/s, \(fall + 1) s to fall, \(climb + 1) s to climb to 1 Mbit/s; \
            lost \(low), longest wait \(Int(wait)) ms a second in the mean
            """)
        #expect(start < 10)
        #expect(fall < 6)
        #expect(climb < 20)
        #expect(low.share < 0.05)
        #expect(wait < 45, "the queue is not kept full")
    }

    @Test("Without transport-wide feedback, loss in reports bounds it, and no loss lets it grow")
    func reportsOnly() throws {
        var call = CallSimulation(seed: 16, isTransportWide: false, asksForREMB: false)
        call.uplink.rate = 600_000
        try call.run(for: .seconds(60))
        let late = call.seconds[30..<60].map(\.estimate)
        print("reports only, 600 kbit/s: \(late.min()! / 1000)–\(late.max()! / 1000) kbit/s after 30 s")
        #expect(late.min()! > 250_000)
        #expect(late.max()! < 1_200_000)
    }
}
