import Foundation

/// Random numbers that a seed makes again (SplitMix64; Steele, Lea, Flood 2014).
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// `REPRISE_SEED`, or a new one; printed, so that a failure can be repeated.
    package static func seedFromEnvironment(_ test: String) -> UInt64 {
        let seed =
            ProcessInfo.processInfo.environment["REPRISE_SEED"].flatMap(UInt64.init)
            ?? UInt64.random(in: 0...UInt64.max)
        print("\(test): REPRISE_SEED=\(seed)")
        return seed
    }

    package static func fromEnvironment(_ test: String) -> SeededGenerator {
        SeededGenerator(seed: seedFromEnvironment(test))
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
