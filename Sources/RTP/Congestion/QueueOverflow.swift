/// Whether the queue before the link overflows: much is lost, and what does arrive has waited.
///
/// A short queue is full long before the trend of the delay shows it, and then the delay stays as it is. What arrives
/// while it is full is what the link carries, to which the rate can be lowered in one step. Beyond GCC's draft.
struct QueueOverflow: Sendable {
    private struct Window {
        var total = 0
        var lost = 0
        var waited = 0.0
        var bytes = 0
        var firstBytes = 0
        var firstArrival = Double.infinity
        var lastArrival = -Double.infinity
        var arrived: Int { total - lost }
    }

    private var base = LeastDelay()
    private var window = Window()

    /// Takes what became of a packet, in order of sending; times are milliseconds, each of its own clock.
    /// - `arrival`: nil where it was lost.
    mutating func insert(sent: Double, arrival: Double?, bytes: Int) {
        window.total += 1
        guard let arrival else {
            window.lost += 1
            return
        }
        window.waited += base.insert(arrival - sent, at: arrival)
        window.bytes += bytes
        if arrival < window.firstArrival { (window.firstArrival, window.firstBytes) = (arrival, bytes) }
        window.lastArrival = max(window.lastArrival, arrival)
    }

    /// Looks at the packets since it last did, once they are enough to tell.
    /// - `bearable`: the share that is lost whatever is sent.
    /// - Returns: what the link carries, bits a second, where its queue overflows.
    mutating func takeCapacity(bearable: Double) -> Double? {
        guard window.total >= Self.packets else { return nil }
        defer { window = Window() }
        guard window.arrived >= 2, Double(window.lost) > (bearable + Self.loss) * Double(window.total),
            window.waited > Self.wait * Double(window.arrived), window.lastArrival > window.firstArrival
        else { return nil }
        return Double(8000 * (window.bytes - window.firstBytes)) / (window.lastArrival - window.firstArrival)
    }

    /// Forgets packets, but not how long the way is: those under way when the rate was lowered say nothing of the new one.
    mutating func restart() { window = Window() }

    private static let packets = 20
    private static let loss = 0.15
    /// Milliseconds in the mean.
    private static let wait = 15.0
}

/// The shortest way of late: that of a packet that found no queue.
private struct LeastDelay: Sendable {
    private var before = Double.infinity
    private var current = Double.infinity
    private var began: Double?

    /// - Returns: by how much a delay is longer.
    mutating func insert(_ delay: Double, at time: Double) -> Double {
        if time - (began ?? -.infinity) > Self.span {
            (before, current) = (current, delay)
            began = time
        }
        current = min(current, delay)
        return delay - min(before, current)
    }

    /// Milliseconds: clocks drift apart by less than one in it.
    private static let span = 10_000.0
}
