import Rooms

/// How well a session and everybody in it is connected: one call a second makes a measurement of each.
struct SessionQuality: Sendable {
    private struct Count {
        var packets: Int64 = 0
        var lost: Int64 = 0
        /// Measurements in a row without a packet.
        var silent = 0
    }

    /// An unmuted track of which nothing came for so many measurements is lost. Opus sends a packet every 400 ms even
    /// in silence.
    private static let silentLimit = 5

    private var own = QualityMeter()
    private var others: [SessionID: QualityMeter] = [:]
    private var counts: [TrackID: Count] = [:]

    mutating func measure(
        _ statistics: CallStatistics, _ participants: [Participant], isReconnecting: Bool
    ) -> (own: ConnectionQuality, others: [SessionID: ConnectionQuality]) {
        var total: (packets: Int64, lost: Int64) = (0, 0)
        var qualities: [SessionID: ConnectionQuality] = [:]
        var next: [TrackID: Count] = [:]
        for participant in participants where !participant.isLocal {
            var (packets, lost, jitter, isSilent) = (Int64(0), Int64(0), Duration.zero, false)
            for kind in TrackKind.allCases {
                let id = TrackID(sessionID: participant.id, kind: kind)
                guard let received = statistics.received[id] else { continue }
                var count = counts[id] ?? Count(packets: received.packets, lost: received.lost)
                // A source that began anew counts from zero.
                let came = max(0, received.packets - count.packets)
                packets += came
                lost += max(0, received.lost - count.lost)
                if kind == .audio { jitter = received.jitter }
                count = Count(
                    packets: received.packets, lost: received.lost,
                    silent: came == 0 && participant.has(kind) ? count.silent + 1 : 0)
                next[id] = count
                if count.silent >= Self.silentLimit { isSilent = true }
            }
            total = (total.packets + packets, total.lost + lost)
            var meter = others[participant.id] ?? QualityMeter()
            let isMeasured = packets + lost > 0
            qualities[participant.id] = meter.add(
                .init(
                    loss: isMeasured ? Double(lost) / Double(packets + lost) : nil, jitter: isMeasured ? jitter : nil,
                    isLost: isReconnecting || isSilent))
            others[participant.id] = meter
        }
        counts = next
        others = others.filter { qualities[$0.key] != nil }
        return (measureOwn(statistics, total, isReconnecting), qualities)
    }

    private mutating func measureOwn(
        _ statistics: CallStatistics, _ received: (packets: Int64, lost: Int64), _ isReconnecting: Bool
    ) -> ConnectionQuality {
        let transport = statistics.transport
        var losses = transport?.sent.values.filter { $0.packets > 0 }.map(\.lossFraction) ?? []
        let all = received.packets + received.lost
        if all > 0 { losses.append(Double(received.lost) / Double(all)) }
        // Sound alone leaves most of a link unused, so that little is known of what it bears.
        let sendsPictures = statistics.sent.keys.contains { $0 != .audio }
        return own.add(
            .init(
                loss: losses.max(), roundTrip: transport?.roundTrip,
                jitter: transport?.sent[.audio].flatMap { $0.packets > 0 ? $0.jitter : nil },
                uplink: sendsPictures ? transport?.availableUplink : nil, isLost: isReconnecting))
    }
}
