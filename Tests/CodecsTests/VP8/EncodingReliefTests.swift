import Media
import Testing

@testable import Codecs

@Suite("Encoding keeps up with the pictures")
struct EncodingReliefTests {
    private static let interval = Duration.milliseconds(33)

    /// Runs pictures through it; `cost` is what one takes in milliseconds under a measure.
    /// - Returns: the measures in the order they were taken, with the picture at which they were.
    private static func run(
        _ relief: inout EncodingRelief, pictures: Int, cost: (EncodingRelief.Measure, Int) -> Double
    ) -> [(picture: Int, measure: EncodingRelief.Measure)] {
        var changes: [(Int, EncodingRelief.Measure)] = []
        for picture in 0..<pictures {
            let took = Duration.nanoseconds(Int64(cost(relief.measure, picture) * 1e6))
            if let measure = relief.note(took: took, interval: interval) { changes.append((picture, measure)) }
        }
        return changes
    }

    @Test("A machine that keeps up gives up nothing, whatever single pictures take")
    func keepsUp() {
        var relief = EncodingRelief()
        let changes = Self.run(&relief, pictures: 3000) { _, picture in picture % 50 == 0 ? 90 : 12 }
        #expect(changes.isEmpty && relief.measure == .none)
    }

    @Test("First speed, then the rate of pictures, then their size; soon, and no more than is needed")
    func order() {
        var relief = EncodingRelief()
        let changes = Self.run(&relief, pictures: 400) { measure, _ in
            // A picture of full size takes 100 ms; speed saves a tenth a step.
            100 * (1 - 0.1 * Double(measure.speedUp)) * Double(measure.sideQuarters * measure.sideQuarters) / 16
        }
        let measures = changes.map(\.measure)
        #expect(measures == Array(EncodingRelief.measures[1...measures.count]))
        #expect(relief.measure == EncodingRelief.Measure(speedUp: 6, pictures: 2, sideQuarters: 4))
        #expect((changes.last?.picture ?? 999) < 60)
    }

    @Test("It ends at the last measure, however slow the machine")
    func bottom() {
        var relief = EncodingRelief()
        _ = Self.run(&relief, pictures: 1000) { _, _ in 5000 }
        #expect(relief.measure == EncodingRelief.measures.last)
    }

    @Test("When the strain is over all is taken back, a step at a time")
    func returns() {
        var relief = EncodingRelief()
        _ = Self.run(&relief, pictures: 200) { _, _ in 120 }
        #expect(relief.measure == EncodingRelief.measures.last)
        let changes = Self.run(&relief, pictures: 3000) { _, _ in 5 }
        #expect(changes.map(\.measure) == EncodingRelief.measures.dropLast().reversed())
        #expect((changes.first?.picture ?? 0) >= 149, "five seconds of calm")
    }

    @Test("What cannot be held is tried ever more seldom")
    func backsOff() {
        var relief = EncodingRelief()
        // Easy with the first measure, too much without it.
        let changes = Self.run(&relief, pictures: 12_000) { measure, _ in measure == .none ? 40 : 8 }
        let returns = changes.filter { $0.measure == .none }.map(\.picture)
        let waits = zip(returns, returns.dropFirst()).map { $1 - $0 }
        #expect(returns.count <= 8 && waits.count >= 3)
        #expect(zip(waits, waits.dropFirst()).allSatisfy { $0 <= $1 })
    }
}
