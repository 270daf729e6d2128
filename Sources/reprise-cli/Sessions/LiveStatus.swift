import Reprise

/// The text of the live line, from what the call tells.
struct LiveStatus: Sendable {
    var session: Int
    var elapsed: Duration
    var statistics: CallStatistics
    /// As counted over the last second; nil before it has passed.
    var framesPerSecond: Double?

    /// - `width`: the devices' names are shown where there is room for them.
    func text(width: Int, unicode: Bool) -> String {
        let full = text(withNames: true, unicode)
        return full.count < width ? full : text(withNames: false, unicode)
    }

    private func text(withNames: Bool, _ unicode: Bool) -> String {
        var parts = ["session \(session)  \(elapsed.clockText)"]
        if let microphone = statistics.microphone {
            let level = statistics.sent[.audio]?.levelDBov ?? -127
            parts.append(sound("mic", withNames ? microphone.info.device : nil, level, unicode))
        }
        if let speaker = statistics.speaker {
            parts.append(sound("spk", withNames ? speaker.info.device : nil, statistics.receivedLevel, unicode))
        }
        if let camera = statistics.camera {
            let name = withNames ? " \(camera.info.device)" : ""
            let rate = framesPerSecond.map { " \($0.fixed(1)) fps" } ?? ""
            parts.append("cam\(name) \(camera.info.width)x\(camera.info.height)\(rate)")
        }
        if let latency = statistics.mouthToEar { parts.append("latency \(latency.milliseconds.fixed(0)) ms") }
        if statistics.microphone != nil || statistics.speaker != nil {
            let xruns = (statistics.microphone?.stream.xruns ?? 0) + (statistics.speaker?.stream.xruns ?? 0)
            parts.append("xruns \(xruns)")
        }
        return parts.joined(separator: "  ")
    }

    private func sound(_ word: String, _ name: DeviceID?, _ level: Double, _ unicode: Bool) -> String {
        let number = level <= -100 ? "silent" : "\(level.fixed(0)) dB"
        let label = word + (name.map { " \($0)" } ?? "")
        return "\(label) \(Self.bar(level, unicode: unicode)) \(number.padded(6, right: true))"
    }

    /// A level as ten cells: empty at −60 dBov, full at 0.
    static func bar(_ level: Double, unicode: Bool) -> String {
        let cells = 10
        let eighths = Int(min(max((level + 60) / 60, 0), 1) * Double(cells * 8))
        let (full, rest) = (eighths / 8, eighths % 8)
        guard unicode else { return "[" + String(repeating: "#", count: full).padded(cells) + "]" }
        let partial = rest == 0 ? "" : String(Array("▏▎▍▌▋▊▉")[rest - 1])
        return "▕" + (String(repeating: "█", count: full) + partial).padded(cells) + "▏"
    }
}

/// Frames a second, from counts and the times they were seen at.
struct FrameRate: Sendable {
    private var samples: [(at: MonotonicInstant, frames: Int64)] = []

    /// Adds a count and returns the rate over the second before it.
    mutating func add(_ frames: Int64, at now: MonotonicInstant) -> Double? {
        // A new session counts from zero.
        if let last = samples.last, last.frames > frames { samples = [] }
        samples.append((now, frames))
        while samples.count > 2, now - samples[1].at >= .seconds(1) { samples.removeFirst() }
        guard let first = samples.first, now - first.at >= .milliseconds(500) else { return nil }
        return Double(frames - first.frames) / ((now - first.at).milliseconds / 1000)
    }
}
