import Reprise

/// Rejoins of a room of this process in which somebody else is and sends.
struct RoomRejoins: Sendable {
    /// What the other sends.
    enum Sent: String, Sendable, CaseIterable {
        case sound, soundAndPictures

        var title: String { self == .sound ? "sound" : "sound and pictures" }
    }

    /// What is reached when.
    enum Metric: String, Sendable, CaseIterable {
        case described, connected, firstRTP, firstSound

        var title: String {
            switch self {
            case .described: "our side described"
            case .connected: "protected by DTLS"
            case .firstRTP: "first RTP of the other"
            case .firstSound: "its first sound decoded"
            }
        }

        func value(_ statistics: CallStatistics) -> Duration? {
            switch self {
            case .described: statistics.opening?.described
            case .connected: statistics.opening?.connected
            case .firstRTP: statistics.firstRTP
            case .firstSound: statistics.firstSound
            }
        }
    }

    var sent: Sent
    private var measurements: [Metric: Measurements] = [:]

    /// How long one session may take to have everything.
    private static let patience = Duration.seconds(5)

    private init(_ sent: Sent) { self.sent = sent }

    /// - `progress`: told each cycle.
    /// - Throws: `CommandError` where a session came to nothing.
    static func measure(_ sent: Sent, _ cycles: Int, progress: (Int) -> Void) async throws -> RoomRejoins {
        let service = InProcessService()
        let other = Client(user: User(id: "other"), service: service, devices: .synthetic())
        let client = Client(user: User(id: "bench"), service: service, devices: .synthetic())
        let (stays, comes) = (other.call(id: "bench"), client.call(id: "bench"))
        var rejoins = RoomRejoins(sent)
        do {
            try await comes.create(
                CallCreation(
                    settings: CallSettings(
                        cameraOn: false, camera: VideoResolution(width: 640, height: 360, framesPerSecond: 30))))
            if sent == .soundAndPictures { try await stays.camera.enable() }
            try await stays.join()
            for cycle in 0...cycles {
                try Task.checkCancellation()
                progress(cycle)
                try await rejoins.rejoin(comes, isCounted: cycle > 0)
                // Not in step with the other's packets.
                try await Task.sleep(for: .microseconds(Int.random(in: 5_000...25_000)))
            }
        } catch {
            await client.close()
            await other.close()
            throw error
        }
        await client.close()
        await other.close()
        return rejoins
    }

    private mutating func rejoin(_ call: Call, isCounted: Bool) async throws {
        let deadline = MonotonicInstant.now() + Self.patience
        try await call.join()
        while !Task.isCancelled, MonotonicInstant.now() < deadline, let statistics = call.statistics,
            Metric.allCases.contains(where: { $0.value(statistics) == nil })
        { try? await Task.sleep(for: .milliseconds(1)) }
        await call.leave()
        try Task.checkCancellation()
        guard isCounted, let report = call.state.lastSession.value else { return }
        for metric in Metric.allCases {
            guard let value = metric.value(report.statistics) else {
                throw CommandError("A session came to no \(metric.rawValue) in \(Self.patience.components.seconds) s.")
            }
            measurements[metric, default: Measurements()].add(value)
        }
    }

    static func lines(_ rooms: [RoomRejoins]) -> [String] {
        var table = Table(["THE OTHER SENDS", "FROM join() TO", "p50", "p95", "max"], rightAligned: [2, 3, 4])
        for room in rooms {
            for metric in Metric.allCases {
                guard let found = room.measurements[metric] else { continue }
                table.add(
                    [room.sent.title, metric.title]
                        + [found.p50, found.p95, found.max].map { $0.map { $0.fixed(2) } ?? "-" })
            }
        }
        return table.lines + ["", "Milliseconds."]
    }

    var rows: [JSON] {
        Metric.allCases.compactMap { metric in
            measurements[metric].map { found in
                [
                    "sent": JSON(sent.rawValue), "metric": JSON(metric.rawValue), "count": JSON(found.count),
                    "p50Ms": JSON(found.p50), "p95Ms": JSON(found.p95), "maxMs": JSON(found.max),
                ]
            }
        }
    }
}
