import Reprise

/// What `reprise check` found.
struct CheckReport: Sendable {
    var results: [CheckResult] = []
    var isInterrupted = false

    var hasPassed: Bool { !isInterrupted && results.allSatisfy(\.hasPassed) }

    /// Tests each device alone and then all together, by both policies.
    static func run(_ chosen: ChosenDevices, cycles: Int, progress: Progress) async throws -> CheckReport {
        var report = CheckReport()
        let groups = chosen.kinds.map { [$0] } + (chosen.kinds.count > 1 ? [chosen.kinds] : [])
        for kinds in groups {
            for standby in StandbyPolicy.allCases {
                let check = DeviceCheck(chosen: chosen.only(kinds), standby: standby, cycles: cycles)
                progress.step("\(check.title), \(standby.rawValue): \(counted(cycles, "cycle"))")
                let result = try await check.run { progress.detail("\(check.title), \(standby.rawValue): \($0)") }
                guard !Task.isCancelled else {
                    report.isInterrupted = true
                    return report
                }
                report.results.append(result)
            }
        }
        return report
    }

    var lines: [String] {
        var table = Table(
            ["RESULT", "DEVICE", "STANDBY", "CYCLES", "FIRST p50", "max", "LEAVE max", ""], rightAligned: [3, 4, 5, 6])
        for result in results {
            table.add([
                result.hasPassed ? "pass" : "FAIL", result.title, result.standby.rawValue,
                "\(result.cyclesPassed)/\(result.cycles)", text(result.first.p50), text(result.first.max),
                text(result.leave.max), result.failure ?? result.handle ?? "",
            ])
        }
        let failed = results.filter { !$0.hasPassed }.count
        let verdict =
            isInterrupted
            ? "Interrupted after \(counted(results.count, "test"))."
            : failed == 0
                ? "All \(counted(results.count, "test")) passed."
                : "\(failed) of \(counted(results.count, "test")) failed."
        return table.lines + ["", "First frames count from the call to join(). \(verdict)"]
    }

    var json: JSON {
        ["passed": .bool(hasPassed), "interrupted": .bool(isInterrupted), "results": .array(results.map(\.json))]
    }

    private func text(_ value: Double?) -> String { value.map { "\($0.fixed(1)) ms" } ?? "-" }
}

/// One row: some devices under one policy.
struct CheckResult: Sendable {
    var title: String
    var kinds: [DeviceKind]
    var devices: [DeviceID]
    var standby: StandbyPolicy
    var cycles: Int
    var cyclesPassed = 0
    /// Until the last of the devices had its first frame, for each cycle.
    var first = Measurements()
    var leave = Measurements()
    /// What became of the handles while left.
    var handle: String?
    var failure: String?

    var hasPassed: Bool { failure == nil && cyclesPassed == cycles }

    var json: JSON {
        [
            "devices": .array(zip(kinds, devices).map { ["kind": JSON($0.rawValue), "id": JSON($1.rawValue)] }),
            "standby": JSON(standby.rawValue), "cycles": JSON(cycles), "cyclesPassed": JSON(cyclesPassed),
            "passed": .bool(hasPassed), "failure": JSON(failure), "handle": JSON(handle),
            "firstFrameMs": ["p50": JSON(first.p50), "p95": JSON(first.p95), "max": JSON(first.max)],
            "leaveMs": ["p50": JSON(leave.p50), "p95": JSON(leave.p95), "max": JSON(leave.max)],
        ]
    }
}
