import Testing

@testable import Calls

@Suite("Level meter")
struct LevelMeterTests {
    /// A square wave: its level is that of its amplitude.
    private func block(_ amplitude: Int16) -> [Int16] { (0..<960).map { $0 % 2 == 0 ? amplitude : -amplitude } }

    private func changes(_ amplitudes: [Int16]) -> [Bool] {
        var meter = LevelMeter()
        return amplitudes.map { amplitude in
            meter.measure(block(amplitude).span)
            return meter.takeChange()
        }
    }

    @Test(
        "A level that moves by a decibel is a change; one that lies between two whole decibels and flickers is none",
        arguments: [
            // −9.0 dB is 11,626: 20·log₁₀(11,626 / 32,768).
            ([11_600, 11_650, 11_600, 11_650], [true, false, false, false]),
            // Half a decibel each: every second one.
            ([10_000, 10_600, 11_230, 11_900, 12_650], [true, false, true, false, true]),
            ([0, 0], [false, false]),
            // It falls by 1.5 dB a block.
            ([10_000, 0, 0], [true, true, true]),
        ] as [([Int16], [Bool])])
    func change(amplitudes: [Int16], expected: [Bool]) { #expect(changes(amplitudes) == expected) }

    @Test("After the sound is over, its first block is a change again")
    func anew() {
        var meter = LevelMeter()
        for _ in 0..<2 {
            meter.measure(block(10_000).span)
            let changes = [meter.takeChange(), meter.takeChange()]
            #expect(changes == [true, false])
            meter.fallSilent()
            #expect(meter.levelDBov == LevelMeter.silence)
        }
    }
}
