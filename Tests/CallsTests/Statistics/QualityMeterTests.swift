import Testing

@testable import Calls

@Suite("Connection quality")
struct QualityMeterTests {
    typealias Sample = QualityMeter.Sample

    static let table: [(Sample, ConnectionQuality)] = [
        (Sample(), .unknown),
        (Sample(loss: 0, roundTrip: .milliseconds(20), jitter: .milliseconds(2), uplink: 2_000_000), .excellent),
        (Sample(loss: 0.019), .excellent), (Sample(loss: 0.02), .good), (Sample(loss: 0.08), .poor),
        (Sample(roundTrip: .milliseconds(149)), .excellent), (Sample(roundTrip: .milliseconds(150)), .good),
        (Sample(roundTrip: .milliseconds(400)), .poor),
        (Sample(jitter: .milliseconds(30)), .good), (Sample(jitter: .milliseconds(80)), .poor),
        (Sample(uplink: 300_001), .excellent), (Sample(uplink: 300_000), .good), (Sample(uplink: 60_000), .poor),
        (Sample(loss: 0, roundTrip: .milliseconds(500)), .poor), (Sample(loss: 0, isLost: true), .lost),
    ]

    @Test("The worst of what was measured decides", arguments: table)
    func first(sample: Sample, quality: ConnectionQuality) {
        var meter = QualityMeter()
        #expect(meter.add(sample) == quality)
    }

    @Test("Worse is shown at the second measurement in a row, better at the fifth")
    func hysteresis() {
        var meter = QualityMeter()
        let (fine, bad) = (Sample(loss: 0), Sample(loss: 0.1))
        #expect(meter.add(fine) == .excellent)
        #expect([bad, fine, bad, bad].map { meter.add($0) } == [.excellent, .excellent, .excellent, .poor])
        #expect((0..<5).map { _ in meter.add(fine) } == [.poor, .poor, .poor, .poor, .excellent])
    }

    @Test("What stays at a limit does not become better, and does not flicker")
    func clearance() {
        var meter = QualityMeter()
        _ = meter.add(Sample(loss: 0.021))
        for turn in 0..<40 { #expect(meter.add(Sample(loss: turn % 2 == 0 ? 0.019 : 0.021)) == .good) }
        for _ in 0..<40 { #expect(meter.add(Sample(loss: 0.019)) == .good, "too near the limit") }
        for _ in 0..<5 { _ = meter.add(Sample(loss: 0.015)) }
        #expect(meter.quality == .excellent)
    }

    @Test("A lost connection is shown at once, and one that came back is poor until it was measured for a while")
    func lost() {
        var meter = QualityMeter()
        _ = meter.add(Sample(loss: 0))
        #expect(meter.add(Sample(isLost: true)) == .lost)
        #expect(meter.add(Sample(loss: 0)) == .poor)
        for _ in 0..<5 { _ = meter.add(Sample(loss: 0)) }
        #expect(meter.quality == .excellent)
    }

    @Test("Where nothing was measured, what was shown stays")
    func nothing() {
        var meter = QualityMeter()
        _ = meter.add(Sample(loss: 0.05))
        #expect(meter.add(Sample()) == .good)
    }
}
