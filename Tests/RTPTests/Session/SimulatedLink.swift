import Media
import RTP
import TestSupport

/// One direction of a way: a rate with a queue before it, then delay, jitter and loss.
struct SimulatedLink {
    /// Bits a second; nil for no limit.
    var rate: Double?
    /// What waits longer than this is dropped.
    var queue = Duration.milliseconds(50)
    var delay = Duration.milliseconds(20)
    var jitter = Duration.zero
    var loss = 0.0
    /// The share of packets that come at once, before those that were sent earlier.
    var reordered = 0.0
    var duplicated = 0.0
    private(set) var dropped = 0
    private(set) var passed = 0
    /// The longest wait in the queue since it was last asked for.
    private(set) var longestWait = Duration.zero
    private var freeAt = MonotonicInstant(nanoseconds: 0)
    private var lastArrival = MonotonicInstant(nanoseconds: 0)

    /// UDP, IP and SRTP.
    private static let overhead = 28 + 10

    mutating func takeLongestWait() -> Duration {
        defer { longestWait = .zero }
        return longestWait
    }

    /// When a datagram arrives: never, once or twice.
    mutating func send(
        bytes: Int, now: MonotonicInstant, using generator: inout SeededGenerator
    ) -> [MonotonicInstant] {
        var leaves = now
        if let rate {
            let wait = max(.zero, freeAt - now)
            guard wait <= queue else {
                dropped += 1
                return []
            }
            longestWait = max(longestWait, wait)
            freeAt = max(freeAt, now) + .nanoseconds(Int64(Double(8 * (bytes + Self.overhead)) / rate * 1e9))
            leaves = freeAt
        }
        guard Double.random(in: 0..<1, using: &generator) >= loss else {
            dropped += 1
            return []
        }
        passed += 1
        let extra = Duration.nanoseconds(Int64.random(in: 0...max(0, jitter.nanoseconds), using: &generator))
        var arrival = leaves + delay + extra
        if Double.random(in: 0..<1, using: &generator) < reordered {
            arrival = leaves + delay / 2
        } else {
            // Jitter alone overtakes nobody, as in a queue.
            arrival = max(arrival, lastArrival)
            lastArrival = arrival
        }
        let isDuplicated = Double.random(in: 0..<1, using: &generator) < duplicated
        return isDuplicated ? [arrival, arrival + .milliseconds(3)] : [arrival]
    }
}
