import Reprise

/// The device reset test for some devices under one policy.
struct DeviceCheck: Sendable {
    let chosen: ChosenDevices
    let standby: StandbyPolicy
    let cycles: Int

    /// How long a device may take to its first frame, and to one more: cameras have been seen to need two seconds.
    private static let patience = Duration.seconds(5)

    var title: String {
        chosen.kinds.count > 1
            ? "all together" : chosen.kinds.map { "\($0.rawValue) \(chosen.id($0)?.rawValue ?? "")" }.joined()
    }

    /// - `progress`: told where the test is.
    func run(_ progress: @Sendable (String) -> Void) async throws -> CheckResult {
        var result = CheckResult(
            title: title, kinds: chosen.kinds, devices: chosen.kinds.compactMap(chosen.id), standby: standby,
            cycles: cycles)
        let client = Client(
            user: User(id: "check"), service: InProcessService(transport: .memory), devices: chosen.machine.devices,
            configuration: chosen.configuration(standby))
        let call = client.call(type: InProcessService.echoType, id: "check")
        try await call.create(CallCreation(settings: chosen.settings()))
        let stamps = PictureStamps(call)
        do {
            for cycle in 1...cycles {
                progress("cycle \(cycle) of \(cycles)")
                do { try await run(call, stamps, &result) } catch let error as CheckFailure {
                    throw CheckFailure("cycle \(cycle): \(error.reason)")
                }
                result.cyclesPassed += 1
            }
        } catch is CancellationError {
            // A person ended it; the caller sees that by the task.
        } catch let error as CheckFailure {
            result.failure = error.reason
        } catch {
            result.failure = "\(error)"
        }
        await client.close()
        if result.failure == nil, !Task.isCancelled {
            for kind in chosen.kinds {
                if case .taken(let by) = await chosen.handle(kind) {
                    result.failure = "the \(kind) is not closed after the call was: \(by)"
                }
            }
        }
        return result
    }

    private func run(_ call: Call, _ stamps: PictureStamps, _ result: inout CheckResult) async throws {
        let requestedAt = MonotonicInstant.now()
        stamps.begin(call.state.sessionID.value, requestedAt)
        try await call.join()
        let flow = await flow(call, since: requestedAt)
        let leftAt = MonotonicInstant.now()
        await call.leave()
        result.leave.add(MonotonicInstant.now() - leftAt)
        try Task.checkCancellation()
        result.first.add(try flow.get())
        if let age = stamps.stale { throw CheckFailure("a picture was \(age.millisecondsText) older than the join") }
        for kind in DeviceKind.allCases where call.manager(kind).status != .notSelected {
            throw CheckFailure("the \(kind) is \(call.manager(kind).status.rawValue) after the leave")
        }
        result.handle = try await handleAfterLeave()
    }

    /// Waits until all devices deliver, and go on delivering.
    /// - Returns: when the last of them had its first frame, from the join.
    private func flow(_ call: Call, since requestedAt: MonotonicInstant) async -> Result<Duration, any Error> {
        var last = Duration.zero
        for kind in chosen.kinds {
            do { last = max(last, try await flow(kind, call, since: requestedAt)) } catch { return .failure(error) }
        }
        return .success(last)
    }

    private func flow(_ kind: DeviceKind, _ call: Call, since requestedAt: MonotonicInstant) async throws -> Duration {
        let deadline = MonotonicInstant.now() + Self.patience
        var seen: Int64?
        while MonotonicInstant.now() < deadline {
            try Task.checkCancellation()
            guard let flow = call.statistics?.flow(kind) else {
                try await Task.sleep(for: .milliseconds(2))
                if let error = call.manager(kind).error { throw CheckFailure("\(error)") }
                continue
            }
            if let firstAt = flow.firstAt, let seen, flow.frames > seen, call.manager(kind).status == .enabled {
                guard firstAt >= requestedAt else {
                    throw CheckFailure(
                        "the \(kind)'s first frame is \((requestedAt - firstAt).millisecondsText) older than the join")
                }
                return flow.first ?? firstAt - requestedAt
            }
            if seen == nil, flow.frames > 0 { seen = flow.frames }
            try await Task.sleep(for: .milliseconds(2))
        }
        let reason = call.manager(kind).error.map { "\($0)" }
        throw CheckFailure(reason ?? "the \(kind) delivered nothing within \(Self.patience.components.seconds) s")
    }

    /// Closed means that a second open succeeds.
    private func handleAfterLeave() async throws -> String {
        var words: [String] = []
        for kind in chosen.kinds {
            switch (await chosen.handle(kind), standby) {
            case (.taken(let by), .release):
                throw CheckFailure("the \(kind) is not closed after the leave: \(by)")
            case (.taken, .warm): words.append("kept")
            case (.open, .release): words.append("closed")
            // A PCM that mixes (dmix, a sound server) opens twice at any time.
            case (.open, .warm): words.append("shared")
            }
        }
        return Set(words).count == 1 ? "\(words[0]) while left" : words.joined(separator: "/") + " while left"
    }
}

/// Why a test failed.
struct CheckFailure: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

extension CallStatistics {
    /// What a device has moved, and when its first frame was captured (a speaker: when it was started).
    fileprivate func flow(_ kind: DeviceKind) -> (frames: Int64, firstAt: MonotonicInstant?, first: Duration?)? {
        switch kind {
        case .microphone: microphone.map { ($0.stream.sampleFrames, $0.stream.firstSampleAt, $0.first) }
        case .speaker: speaker.map { ($0.stream.sampleFrames, $0.stream.startedAt, nil) }
        case .camera: camera.map { ($0.stream.frames, $0.stream.firstFrameAt, $0.first) }
        }
    }
}
