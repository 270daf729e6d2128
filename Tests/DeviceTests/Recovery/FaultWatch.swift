import Foundation
import Media
import Reprise
import Testing

/// A running call of the lab whose devices recover by themselves, watched at both ends while something happens to it.
struct FaultWatch {
    let lab: CallInLab
    let far: FarSide
    let kernel = KernelWatch()
    /// Holds the microphone that the call wants.
    let holder: HeldPCM?

    /// Joins, with a voice at the microphones of both loopback cards.
    /// - `card`: the one whose microphone somebody else holds.
    init(
        _ devices: CallInLab.Devices, routing: RoutingConfiguration = CallInLab.recovering,
        holdingMicrophoneOf card: String? = nil
    ) async throws {
        // The last call may still have it.
        let made = try await CallInLab(devices, routing: routing)
        holder = try card.map { try HeldPCM($0, device: 2, .capture) }
        lab = made
        far = FarSide(lab.call)
        for card in ["Loopback", "Second"] {
            try await Self.speak(into: card)
        }
        try await lab.join()
        // What there is to fall back to is looked at when the devices have started: the cameras last, of which the lab has some.
        let call = lab.call
        let hasLooked = await reached { !call.media.devices.value.cameras.isEmpty }
        try #require(hasLooked)
    }

    /// Has a voice at the microphone of a loopback card.
    static func speak(into card: String) async throws {
        _ = try await Voice.tone.speak(into: card, seconds: 120)
    }

    func end() async {
        await lab.leave()
        keepTrace()
        await kernel.end()
    }

    /// What the call did when, for who looks into a gap: `traces.txt` beside the table.
    private func keepTrace() {
        let path = "\(DeviceLab.shared)/traces.txt"
        let trace = lab.call.state.lastSession.value?.trace ?? []
        let first = trace.first?.at ?? .now()
        let kernel = kernel.messages.map { ($0.at, "kernel: \($0.action) \($0.node)") }
        let call = trace.map { ($0.at, "\($0.name) \($0.detail)") }
        let lines = (call + kernel).sorted { $0.0 < $1.0 }.map { "\($0.0.ms(since: first)) \($0.1)\n" }
        let before = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        try? (before + "\n\(lab.devices)\n" + lines.joined()).write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// Waits until devices run that were started after an instant.
    /// - `on`: on which card; nil: anyone's.
    /// - Returns: when the last of them delivered first.
    @discardableResult
    func running(
        _ managers: [any DeviceManager], on card: String?, since begin: MonotonicInstant,
        _ location: SourceLocation = #_sourceLocation
    ) async throws -> MonotonicInstant {
        var delivered: MonotonicInstant?
        let isRunning = await reached(within: .seconds(30)) {
            let areEnabled = managers.allSatisfy { manager in
                manager.status == .enabled
                    && (card.map { manager.selectedDevice?.rawValue.contains($0) == true } ?? true)
            }
            delivered = areEnabled ? delivers(managers, since: begin) : nil
            return delivered != nil
        }
        let told = managers.map {
            "\($0.status), \($0.selectedDevice?.rawValue ?? "no device"), \($0.error?.description ?? "no error")"
        }
        try #require(isRunning, "\(told) \(String(describing: lab.call.statistics))", sourceLocation: location)
        return try #require(delivered)
    }

    /// When the last of devices that started after an instant brought its first sample or picture, by the hardware's own
    /// time; nil where one has not.
    func delivers(_ managers: [any DeviceManager], since begin: MonotonicInstant) -> MonotonicInstant? {
        let statistics = lab.call.statistics
        let times = managers.compactMap { manager -> MonotonicInstant? in
            switch manager {
            case is MicrophoneManager: statistics?.microphone?.stream.firstSampleAt
            // Where there is nothing to be heard: from when it plays silence.
            case is SpeakerManager:
                statistics?.speaker.flatMap { $0.stream.firstSampleAt ?? $0.stream.startedAt }
            default: statistics?.camera?.stream.firstFrameAt
            }
        }.filter { $0 >= begin }
        return times.count == managers.count ? times.max() : nil
    }

    /// Writes a line of the table.
    /// - `begun`: when it happened; `floor`: when the kernel said so; `next`: when the next device delivered first, nil for
    ///   what the statistics say now (a device that is opened anew meanwhile, for more buffer, makes that later).
    /// - `missing`: what the far side missed; nil where there was nothing to hear or see before.
    func tell(
        _ device: String, _ event: String, _ managers: [any DeviceManager], begun: MonotonicInstant,
        floor: MonotonicInstant? = nil, next: MonotonicInstant? = nil, isFault: Bool = true, missing: Duration? = nil
    ) throws {
        let told = isFault ? far.told(after: begun) : nil
        let names = Set(managers.map { $0.selectedDevice?.rawValue ?? "none" }).sorted().joined(separator: ", ")
        try GapTable.add(
            Gap(
                device: device, event: event, floor: floor?.ms(since: begun), told: told?.ms(since: begun),
                delivers: (next ?? delivers(managers, since: begun))?.ms(since: begun),
                ownGap: managers.compactMap(\.recoveries.lastGap).max()?.milliseconds, missing: missing?.milliseconds,
                then: names))
    }
}
