import Reprise

/// What one session came to: a line of `--json`.
struct SessionRecord: Sendable {
    /// Counts from 1.
    var session: Int
    var report: SessionReport
    /// The device that each kind ran or was to run, and its status, just before the leave; no entry for a kind that was
    /// not wanted.
    var devices: [DeviceKind: Device]
    /// From the call to `join()` to its return, and the same of `leave()`.
    var join: Duration
    var leave: Duration
    var afterLeave: [DeviceKind: DeviceStatus]
    /// Who else was in the call when it was left; nil where they are not told of.
    var others: [Participant]?
    /// Why the session was over before it was left.
    var end: CallError?

    struct Device: Sendable {
        var id: DeviceID?
        var status: DeviceStatus
        var error: DeviceError?
    }

    var statistics: CallStatistics { report.statistics }

    /// Until the first frame of a kind, counted from the call to `join()`.
    func first(_ kind: DeviceKind) -> Duration? {
        switch kind {
        case .microphone: statistics.microphone?.first
        case .speaker: statistics.speaker?.first
        case .camera: statistics.camera?.first
        }
    }

    /// Whether a kind has moved anything.
    func delivered(_ kind: DeviceKind) -> Bool {
        switch kind {
        case .microphone: (statistics.microphone?.stream.sampleFrames ?? 0) > 0
        case .speaker: (statistics.speaker?.stream.sampleFrames ?? 0) > 0
        case .camera: (statistics.camera?.stream.frames ?? 0) > 0
        }
    }

    /// The kinds that were wanted and delivered nothing.
    var failed: [DeviceKind] { DeviceKind.allCases.filter { devices[$0] != nil && !delivered($0) } }

    var json: JSON { .object(own + (others.map(remote) ?? [])) }

    private var own: [JSON.Member] {
        [
            .init(key: "session", value: JSON(session)),
            .init(key: "sessionID", value: JSON(report.sessionID.rawValue)),
            .init(key: "generation", value: JSON(report.generation)),
            .init(key: "microphone", value: microphone), .init(key: "speaker", value: speaker),
            .init(key: "camera", value: camera),
            .init(key: "joinMs", value: JSON(join)), .init(key: "leaveMs", value: JSON(leave)),
            .init(
                key: "afterLeave",
                value: .object(
                    DeviceKind.allCases.map { .init(key: $0.rawValue, value: JSON(afterLeave[$0]?.rawValue)) })),
            .init(key: "latencyMs", value: JSON(statistics.mouthToEar)),
            .init(
                key: "errors",
                value: .array((report.errors + [end].compactMap(\.self)).map { .string($0.description) })),
        ]
    }

    private var microphone: JSON {
        guard let device = devices[.microphone] else { return .null }
        let audio = statistics.microphone
        return .object(
            head(device, audio?.info) + [
                .init(key: "framesCaptured", value: JSON(audio?.stream.sampleFrames ?? 0)),
                .init(key: "peak", value: JSON(statistics.sent[.audio]?.peak ?? 0)),
            ] + tail(audio) + recovered(statistics.recoveries.microphone))
    }

    private var speaker: JSON {
        guard let device = devices[.speaker] else { return .null }
        let audio = statistics.speaker
        return .object(
            head(device, audio?.info)
                + [.init(key: "framesPlayed", value: JSON(audio?.stream.sampleFrames ?? 0))] + tail(audio)
                + recovered(statistics.recoveries.speaker))
    }

    private var camera: JSON {
        guard let device = devices[.camera] else { return .null }
        let video = statistics.camera
        return .object(
            [
                .init(key: "device", value: JSON((video?.info.device ?? device.id)?.rawValue)),
                .init(key: "status", value: JSON(device.status.rawValue)),
                .init(key: "format", value: JSON(video?.info.format)),
                .init(key: "width", value: JSON(video?.info.width)),
                .init(key: "height", value: JSON(video?.info.height)),
                .init(key: "fps", value: JSON(video?.info.framesPerSecond)),
                .init(key: "frames", value: JSON(video?.stream.frames ?? 0)),
                .init(key: "dropped", value: JSON(video?.stream.dropped ?? 0)),
                .init(key: "late", value: JSON(video?.stream.late ?? 0)),
                .init(key: "firstFrameMs", value: JSON(video?.first)),
            ] + recovered(statistics.recoveries.camera))
    }

    /// How often the device was taken up again, by step, and for how long nothing came the last time.
    private func recovered(_ recoveries: DeviceRecoveries) -> [JSON.Member] {
        let counts: JSON = [
            "losses": JSON(recoveries.losses), "stalls": JSON(recoveries.stalls),
            "restarted": JSON(recoveries.restarts), "reopened": JSON(recoveries.reopens),
            "replaced": JSON(recoveries.switches), "failedStarts": JSON(recoveries.failedStarts),
            "enlarged": JSON(recoveries.storms), "cause": JSON(recoveries.lastCause?.rawValue),
        ]
        return [
            .init(key: "recoveries", value: counts), .init(key: "gapMs", value: JSON(recoveries.lastGap)),
        ]
    }

    private func head(_ device: Device, _ info: AudioStreamInfo?) -> [JSON.Member] {
        [
            .init(key: "device", value: JSON((info?.device ?? device.id)?.rawValue)),
            .init(key: "status", value: JSON(device.status.rawValue)),
            .init(key: "format", value: JSON(info?.sampleFormat)),
            .init(key: "rate", value: JSON(info?.rate)),
            .init(key: "channels", value: JSON(info?.channels)),
            .init(key: "periodFrames", value: JSON(info?.periodFrames)),
        ]
    }

    private func tail(_ audio: CallStatistics.Audio?) -> [JSON.Member] {
        [
            .init(key: "xruns", value: JSON(audio?.stream.xruns ?? 0)),
            .init(key: "late", value: JSON(audio?.stream.late ?? 0)),
            .init(key: "realTimePriority", value: JSON(audio?.stream.realTime.priority)),
            .init(key: "firstFrameMs", value: JSON(audio?.first)),
        ]
    }
}

extension CallStatistics {
    /// From a sample's capture to its leaving the speaker, told by the session's first one; nil before it was heard, and
    /// once a device took another's place: the first samples of streams that began at different times do not belong
    /// together.
    var mouthToEar: Duration? {
        guard recoveries.microphone.lastCause == nil, recoveries.speaker.lastCause == nil,
            let captured = microphone?.stream.firstSampleAt, let played = speaker?.stream.firstSampleAt,
            played > captured
        else { return nil }
        return played - captured
    }

    /// The sound that comes back: the loudest of what is received, in dBov.
    var receivedLevel: Double { received.values.map(\.levelDBov).max() ?? -127 }
}

extension RealTimeGrant {
    /// Nil for an ordinary thread.
    var priority: Int? {
        if case .granted(let priority) = self { priority } else { nil }
    }
}
