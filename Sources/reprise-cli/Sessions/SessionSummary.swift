import Reprise

/// What all sessions came to, for people.
struct SessionSummary: Sendable {
    private var records: [SessionRecord] = []
    private var inCall = Duration.zero

    mutating func add(_ record: SessionRecord, lasted: Duration) {
        records.append(record)
        inCall += lasted
    }

    var lines: [String] {
        guard let last = records.last else { return ["No session was held."] }
        var lines = [
            "\(counted(records.count, "session")), \((inCall.milliseconds / 1000).fixed(1)) s in the call."
        ]
        var table = Table(
            ["", "device", "format", "frames", "lost", "late", "first: p50", "max"], rightAligned: [3, 4, 5, 6, 7])
        for kind in DeviceKind.allCases where last.devices[kind] != nil { table.add(row(kind, last)) }
        lines += table.lines.map { "  \($0)" }
        var (join, leave) = (Measurements(), Measurements())
        for record in records {
            join.add(record.join)
            leave.add(record.leave)
        }
        if let others = last.others { lines += remote(last, others) }
        lines.append("join(): \(text(join)), leave(): \(text(leave)). First frames count from the call to join().")
        return lines
    }

    private func remote(_ last: SessionRecord, _ others: [Participant]) -> [String] {
        var lines: [String] = []
        var table = Table(
            ["from", "track", "packets", "lost", "jitter", "made up", "pictures"], rightAligned: [2, 3, 4, 5, 6])
        for participant in others {
            for kind in TrackKind.allCases {
                guard let track = last.statistics.received[TrackID(sessionID: participant.id, kind: kind)] else {
                    continue
                }
                table.add([
                    participant.user.name, kind.rawValue, "\(track.packets)", "\(track.lost)",
                    track.jitter.millisecondsText, kind == .audio ? "\(track.concealed)" : "",
                    kind == .audio ? "" : "\(track.framesDecoded)",
                ])
            }
        }
        if others.isEmpty {
            lines.append("Nobody else was in the call.")
        } else {
            lines += table.lines.map { "  \($0)" }
        }
        if let pair = last.statistics.transport?.candidatePair {
            let roundTrip = last.statistics.transport?.roundTrip.map { ", round trip \($0.millisecondsText)" } ?? ""
            lines.append(
                """
                path: \(pair.local.kind.rawValue) \(pair.local.address) to \(pair.remote.kind.rawValue) \
                \(pair.remote.address) over \(pair.networkProtocol)\(roundTrip).
                """)
        }
        var (rtp, sound, picture) = (Measurements(), Measurements(), Measurements())
        for record in records {
            rtp.add(record.statistics.firstRTP)
            sound.add(record.statistics.firstSound)
            picture.add(record.statistics.firstPicture)
        }
        lines.append("first from others: RTP \(text(rtp)), sound \(text(sound)), picture \(text(picture)).")
        return lines
    }

    private func row(_ kind: DeviceKind, _ last: SessionRecord) -> [String] {
        var first = Measurements()
        for record in records { first.add(record.first(kind)) }
        let (device, format): (DeviceID?, String) =
            switch kind {
            case .microphone: (last.statistics.microphone?.info.device, text(last.statistics.microphone?.info))
            case .speaker: (last.statistics.speaker?.info.device, text(last.statistics.speaker?.info))
            case .camera: (last.statistics.camera?.info.device, text(last.statistics.camera?.info))
            }
        let (frames, lost, late) = records.reduce(into: (Int64(0), Int64(0), Int64(0))) { sum, record in
            let (frames, lost, late) = counts(kind, record.statistics)
            sum = (sum.0 + frames, sum.1 + lost, sum.2 + late)
        }
        return [
            kind.rawValue, (device ?? last.devices[kind]?.id)?.rawValue ?? "-", format, "\(frames)", "\(lost)",
            "\(late)",
            first.p50.map { "\($0.fixed(1)) ms" } ?? "never", first.max.map { "\($0.fixed(1)) ms" } ?? "",
        ]
    }

    /// What was moved, what was lost (xruns of sound, dropped pictures), and how often the device's thread came late.
    private func counts(_ kind: DeviceKind, _ statistics: CallStatistics) -> (Int64, Int64, Int64) {
        switch kind {
        case .microphone: sound(statistics.microphone)
        case .speaker: sound(statistics.speaker)
        case .camera:
            (
                statistics.camera?.stream.frames ?? 0, statistics.camera?.stream.dropped ?? 0,
                statistics.camera?.stream.late ?? 0
            )
        }
    }

    private func sound(_ audio: CallStatistics.Audio?) -> (Int64, Int64, Int64) {
        (audio?.stream.sampleFrames ?? 0, audio?.stream.xruns ?? 0, audio?.stream.late ?? 0)
    }

    private func text(_ info: AudioStreamInfo?) -> String {
        info.map { "\($0.sampleFormat) \($0.rate) Hz, \(counted($0.channels, "channel"))" } ?? "-"
    }

    private func text(_ info: VideoStreamInfo?) -> String {
        info.map { "\($0.format) \($0.width)x\($0.height) at \($0.framesPerSecond.fixed(0))" } ?? "-"
    }

    private func text(_ values: Measurements) -> String {
        guard let p50 = values.p50, let max = values.max else { return "-" }
        return values.count == 1 ? "\(p50.fixed(1)) ms" : "p50 \(p50.fixed(1)) ms, max \(max.fixed(1)) ms"
    }
}
