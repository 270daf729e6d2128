import Media

/// Sees that a device has xruns all the time, which a larger buffer would bear: pure, with time passed in.
struct XrunStorm: Sendable, Equatable {
    /// So many xruns within ``window`` are a storm.
    static let most = 5
    static let window = Duration.seconds(10)
    /// Blocks that the buffer may grow by.
    static let mostHeadroom = 4

    private var times: [MonotonicInstant] = []
    private var counted: Int64 = 0

    /// - `total`: xruns since the stream's start.
    /// - Returns: whether this is a storm; the count begins anew then.
    mutating func add(total: Int64, now: MonotonicInstant) -> Bool {
        for _ in 0..<min(Int64(Self.most), max(0, total - counted)) { times.append(now) }
        counted = total
        times.removeAll { now - $0 > Self.window }
        guard times.count >= Self.most else { return false }
        times = []
        return true
    }

    /// The stream was started anew: its count begins at nothing.
    mutating func restarted() { counted = 0 }
}
