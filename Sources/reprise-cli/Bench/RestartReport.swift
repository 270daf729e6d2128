import Reprise

/// What `reprise bench restart` measured.
struct RestartReport: Sendable {
    /// One figure under one policy, beside its floor.
    struct Row: Sendable {
        var standby: StandbyPolicy
        var metric: RestartMetric
        var device: DeviceID?
        var call: Measurements
        /// Empty where there is none to measure.
        var floor: Measurements
    }

    var cycles: Int
    var rows: [Row] = []
    /// Captured blocks and pictures that were older than their join and therefore dropped, and those among the first of
    /// a session that were not: there must be none of these.
    var stale: Int64 = 0
    /// Why a floor could not be measured, and what failed in the calls.
    var notes: [String] = []
    var isInterrupted = false

    var lines: [String] {
        var table = Table(
            ["STANDBY", "FROM join() TO", "DEVICE", "p50", "p95", "max", "FLOOR p50", "p95", "ABOVE IT"],
            rightAligned: [3, 4, 5, 6, 7, 8])
        for row in rows {
            let above = row.call.p50.flatMap { call in row.floor.p50.map { call - $0 } }
            table.add(
                [row.standby.rawValue, row.metric.title, row.device?.rawValue ?? "the call"]
                    + [row.call.p50, row.call.p95, row.call.max, row.floor.p50, row.floor.p95].map {
                        $0.map { $0.fixed(2) } ?? "-"
                    } + [above.map { ($0 < 0 ? "" : "+") + $0.fixed(2) } ?? "-"])
        }
        let fresh =
            stale == 0
            ? "No captured block or picture was older than its join."
            : "\(stale) captured blocks or pictures were OLDER than their join."
        let counted = isInterrupted ? "interrupted" : "\(cycles) restarts a policy"
        return table.lines + [
            "", "Milliseconds; \(counted). leave() counts from its own call. \(fresh)",
        ] + notes
    }

    var json: JSON {
        [
            "cycles": JSON(cycles), "interrupted": .bool(isInterrupted), "stale": JSON(stale),
            "rows": .array(rows.map(\.json)), "notes": .array(notes.map { .string($0) }),
        ]
    }
}

extension RestartReport.Row {
    fileprivate var json: JSON {
        [
            "standby": JSON(standby.rawValue), "metric": JSON(metric.rawValue), "device": JSON(device?.rawValue),
            "count": JSON(call.count), "p50Ms": JSON(call.p50), "p95Ms": JSON(call.p95), "maxMs": JSON(call.max),
            "floor": floor.count == 0
                ? .null
                : ["p50Ms": JSON(floor.p50), "p95Ms": JSON(floor.p95), "maxMs": JSON(floor.max)],
        ]
    }
}
