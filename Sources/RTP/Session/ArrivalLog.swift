import Media

/// When the packets of a transport arrived, until it is reported.
///
/// Source: draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.
struct ArrivalLog: Sendable {
    /// Packets that are remembered.
    private static let window: Int64 = 2048
    /// Packets that one message tells of at most: its deltas fit a datagram in any case.
    private static let maximumPerMessage: Int64 = 400

    /// Arrivals in 250 µs, by number; nil where there is none.
    private var arrivals: [Int64?] = Array(repeating: nil, count: Int(window))
    private var extender = SequenceExtender()
    /// The first that is not reported, and the one after the last.
    private var begin: Int64 = 0
    private var end: Int64 = 0
    /// Messages so far; the wire has the lower eight bits.
    private(set) var messages = 0

    /// Whether something arrived that is not reported.
    private(set) var hasNews = false

    mutating func insert(_ number: SequenceNumber, at now: MonotonicInstant) {
        let isFirst = extender.highest == nil
        let count = extender.extend(number)
        if isFirst { (begin, end) = (count, count) }
        guard count > end - Self.window else { return }
        if count >= end {
            // A jump beyond the window is another numbering: nothing before it can be told of.
            if count - end >= Self.window { begin = count }
            for passed in max(end, count - Self.window + 1)...count { arrivals[Self.slot(passed)] = nil }
            end = count + 1
            begin = max(begin, end - Self.window)
        } else {
            guard arrivals[Self.slot(count)] == nil else { return }
            // What was told to be missing has come: told again from there on.
            begin = min(begin, count)
        }
        arrivals[Self.slot(count)] = now.nanoseconds / 250_000
        hasNews = true
    }

    /// The next message; nil when there is nothing to tell. To be called until nil.
    mutating func takeFeedback(sender: SSRC, media: SSRC) -> TransportFeedback? {
        guard hasNews, let (number, first) = firstArrival else {
            hasNews = false
            return nil
        }
        // What was lost before it is told as well, as far as the message has room.
        if number - begin >= Self.maximumPerMessage { begin = number }
        // 64 ms are 256 ticks of 250 µs.
        let reference = first >> 8
        var last = reference << 8
        var deltas: [Int16?] = []
        let start = begin
        while begin < end, begin - start < Self.maximumPerMessage {
            if let arrival = arrivals[Self.slot(begin)] {
                guard let delta = Int16(exactly: arrival - last) else { break }
                deltas.append(delta)
                last = arrival
            } else {
                deltas.append(nil)
            }
            begin += 1
        }
        hasNews = begin < end
        defer { messages += 1 }
        return TransportFeedback(
            sender: sender, media: media, first: SequenceNumber(rawValue: UInt16(truncatingIfNeeded: start)),
            referenceTime: (Int32(truncatingIfNeeded: reference) << 8) >> 8,
            number: UInt8(truncatingIfNeeded: messages), arrivals: deltas)
    }

    private var firstArrival: (number: Int64, ticks: Int64)? {
        for number in begin..<end {
            if let ticks = arrivals[Self.slot(number)] { return (number, ticks) }
        }
        return nil
    }

    private static func slot(_ count: Int64) -> Int { Int(truncatingIfNeeded: count & (window - 1)) }
}
