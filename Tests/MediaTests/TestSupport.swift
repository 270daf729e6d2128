import Foundation
import Media
import Synchronization

/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// `REPRISE_SEED`, or a new one; printed, so that a failure can be repeated.
    static func fromEnvironment(_ test: String) -> SeededGenerator {
        let seed =
            ProcessInfo.processInfo.environment["REPRISE_SEED"].flatMap(UInt64.init)
            ?? UInt64.random(in: 0...UInt64(UInt32.max))
        print("\(test): REPRISE_SEED=\(seed)")
        return SeededGenerator(seed: seed)
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// What device threads told, in order.
final class Collected<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])
    private let continuation: AsyncStream<Element>.Continuation
    /// What is added, for one task that waits.
    let stream: AsyncStream<Element>

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func add(_ element: Element) {
        elements.withLock { $0.append(element) }
        continuation.yield(element)
    }

    var all: [Element] { elements.withLock { $0 } }

    /// Returns the first element for which `condition` holds, of those not waited for before.
    func first(where condition: (Element) -> Bool) async -> Element? {
        for await element in stream where condition(element) { return element }
        return nil
    }
}

extension AudioRing {
    /// Writes interleaved samples.
    func write(
        _ samples: [Int16], at capturedAt: MonotonicInstant, kind: AudioBlockKind = .sound, isAfterGap: Bool = false
    ) -> Bool {
        unsafe samples.withUnsafeBufferPointer { buffer in
            guard let source = buffer.baseAddress else { return false }
            return unsafe self.write(
                source, sampleFrames: samples.count / format.channels, capturedAt: capturedAt, kind: kind,
                isAfterGap: isAfterGap)
        }
    }

    /// Reads up to `maximum` sample frames of one block.
    func read(_ maximum: Int) -> (samples: [Int16], read: AudioRingRead) {
        var samples = [Int16](repeating: 0, count: max(1, maximum * format.channels))
        let result = unsafe samples.withUnsafeMutableBufferPointer { buffer in
            guard let destination = buffer.baseAddress else { preconditionFailure("room for one sample") }
            return unsafe self.read(into: destination, maximum: maximum)
        }
        return (Array(samples.prefix(result.sampleFrames * format.channels)), result)
    }

    /// Reads all that is there.
    func readAll() -> [(samples: [Int16], read: AudioRingRead)] {
        var result: [(samples: [Int16], read: AudioRingRead)] = []
        while true {
            let next = read(capacity)
            if next.read.sampleFrames == 0 { return result }
            result.append(next)
        }
    }
}
