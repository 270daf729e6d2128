import Reprise

/// Restarts of a call under one policy.
struct CallRestarts: Sendable {
    private(set) var measurements: [RestartMetric: Measurements] = [:]
    private(set) var stale: Int64 = 0
    private(set) var notes: [String] = []
    /// What ran, for the floor to be measured the same way.
    private(set) var microphone: AudioStreamInfo?
    private(set) var camera: VideoStreamInfo?

    /// How long one session may take to have everything.
    private static let patience = Duration.seconds(5)

    /// - `progress`: told each cycle.
    static func measure(
        _ chosen: ChosenDevices, _ standby: StandbyPolicy, _ camera: VideoResolution, _ cycles: Int,
        progress: (Int) -> Void
    ) async throws -> CallRestarts {
        let client = Client(
            user: User(id: "bench"), service: InProcessService(transport: .memory), devices: chosen.machine.devices,
            configuration: chosen.configuration(standby))
        let call = client.call(type: InProcessService.echoType, id: "bench")
        try await call.create(CallCreation(settings: chosen.settings(camera)))
        let wanted = RestartMetric.allCases.filter { $0.isMeasured(chosen.kinds) }
        var restarts = CallRestarts()
        do {
            // The first one opens everything for the first time, whatever the policy.
            for cycle in 0...cycles {
                progress(cycle)
                try await restarts.restart(call, wanted, isCounted: cycle > 0)
                // Not in step with the clocks of the devices, which run on while the call is left.
                try await Task.sleep(for: .microseconds(Int.random(in: 5_000...25_000)))
            }
        } catch is CancellationError {
            // A person ended it; what was measured counts.
        } catch {
            await client.close()
            throw error
        }
        await client.close()
        return restarts
    }

    private mutating func restart(_ call: Call, _ wanted: [RestartMetric], isCounted: Bool) async throws {
        let requestedAt = MonotonicInstant.now()
        try await call.join()
        let join = MonotonicInstant.now() - requestedAt
        let deadline = requestedAt + Self.patience
        while !Task.isCancelled, MonotonicInstant.now() < deadline, let statistics = call.statistics,
            wanted.contains(where: { $0.value(statistics) == nil && $0 != .join && $0 != .leave })
        {
            if let failure = call.state.errors.value.first(where: { $0.code == .device }) {
                await call.leave()
                throw CommandError("A device failed in the call: \(failure).")
            }
            try? await Task.sleep(for: .milliseconds(1))
        }
        let leftAt = MonotonicInstant.now()
        await call.leave()
        let leave = MonotonicInstant.now() - leftAt
        try Task.checkCancellation()
        guard let report = call.state.lastSession.value else { return }
        record(report.statistics, requestedAt)
        guard isCounted else { return }
        measurements[.join, default: Measurements()].add(join)
        measurements[.leave, default: Measurements()].add(leave)
        for metric in wanted where metric != .join && metric != .leave {
            guard let value = metric.value(report.statistics) else {
                notes.append("A session had no \(metric.title) within \(Self.patience.components.seconds) s.")
                continue
            }
            measurements[metric, default: Measurements()].add(value)
        }
    }

    private mutating func record(_ statistics: CallStatistics, _ requestedAt: MonotonicInstant) {
        microphone = statistics.microphone?.info ?? microphone
        camera = statistics.camera?.info ?? camera
        for firstAt in [statistics.microphone?.stream.firstSampleAt, statistics.camera?.stream.firstFrameAt] {
            if let firstAt, firstAt < requestedAt { stale += 1 }
        }
    }
}
