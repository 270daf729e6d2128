import Scopes
import Synchronization

/// What happened, in order: written by children, read by tests.
final class Log: Sendable {
    private let lines = Mutex<[String]>([])

    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
}

/// Opens once; tasks wait for it whether or not they are cancelled.
final class Gate: Sendable {
    private let flow = StateFlow(false)

    func open() { flow.set(true) }

    /// Not cut short by cancellation.
    func wait() async {
        let flow = flow
        await Task.detached { for await isOpen in flow where isOpen { return } }.value
    }
}

/// Waits until the task is cancelled.
func untilCancelled() async {
    let never = StateFlow(())
    for await _ in never {}
    withExtendedLifetime(never) {}
}

/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

struct ExpectedFailure: Error {}
