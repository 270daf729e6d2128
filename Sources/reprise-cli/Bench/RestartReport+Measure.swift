import Reprise

extension RestartReport {
    /// Measures calls and floors, policy after policy.
    static func measure(
        _ chosen: ChosenDevices, _ policies: [StandbyPolicy], _ camera: VideoResolution, cycles: Int,
        _ progress: Progress
    ) async throws -> RestartReport {
        var report = RestartReport(cycles: cycles)
        for standby in policies where !Task.isCancelled {
            progress.step("\(standby.rawValue): \(cycles) restarts of a call")
            let calls = try await CallRestarts.measure(chosen, standby, camera, cycles) { cycle in
                progress.detail("\(standby.rawValue): restart \(cycle) of \(cycles)")
            }
            report.stale += calls.stale
            report.notes += calls.notes
            var floors: [DeviceKind: HardwareFloor] = [:]
            if !Task.isCancelled, !chosen.machine.isSynthetic {
                progress.step("\(standby.rawValue): \(cycles) restarts with bare ALSA and V4L2 calls")
                floors = await calls.floors(standby, cycles)
                report.notes += floors.values.compactMap { $0.trouble.map { "No floor: \($0)." } }
            }
            for metric in RestartMetric.allCases where metric.isMeasured(chosen.kinds) {
                // What the hardware costs is known of what the hardware does: first blocks and frames, and stopping.
                let floor: Measurements =
                    switch metric {
                    case .firstBlock: floors[.microphone]?.start ?? Measurements()
                    case .firstFrame: floors[.camera]?.start ?? Measurements()
                    // The devices are stopped side by side: the slowest one decides.
                    case .leave: floors.values.map(\.stop).max { $0.p50 ?? 0 < $1.p50 ?? 0 } ?? Measurements()
                    case .firstPacket, .firstSound, .join: Measurements()
                    }
                report.rows.append(
                    Row(
                        standby: standby, metric: metric, device: metric.kind.flatMap(chosen.id),
                        call: calls.measurements[metric] ?? Measurements(), floor: floor))
            }
        }
        report.isInterrupted = Task.isCancelled
        return report
    }
}
