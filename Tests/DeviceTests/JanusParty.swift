import Foundation
import Media
import Reprise
import Synchronization
import Testing

/// One of those in a call through Janus, and what it gets of the others.
struct JanusParty: Sendable {
    let name: String
    let call: Call
    let got: Got

    /// What it publishes, as it is named now: a connection that is made anew in the middle of a stay has a new session.
    func track(_ kind: TrackKind) -> TrackID { TrackID(sessionID: call.state.sessionID.value, kind: kind) }

    /// Of its microphone, speaker and camera.
    var statuses: [DeviceStatus] { [call.microphone.status, call.speaker.status, call.camera.status] }
}

/// The voices and pictures that a call gets, by track.
final class Got: Sendable {
    struct Pictures: Sendable {
        var count = 0
        /// Width and height of the newest.
        var size: [Int] = []
    }

    private struct State {
        var voices: [TrackID: [Int16]] = [:]
        var pictures: [TrackID: Pictures] = [:]
    }

    private final class Seen: Sendable {
        let state = Mutex(State())
    }

    private let seen = Seen()
    private let listening: Task<Void, Never>
    private let observation: VideoObservation

    init(_ call: Call) {
        let (seen, voices) = (seen, call.remoteVoices)
        listening = Task {
            for await block in voices {
                guard let track = block.track else { continue }
                let left = stride(from: 0, to: block.samples.count, by: block.format.channels).map { block.samples[$0] }
                seen.state.withLock { $0.voices[track, default: []] += left }
            }
        }
        observation = call.onRemoteVideo { picture in
            seen.state.withLock { state in
                let count = state.pictures[picture.track]?.count ?? 0
                state.pictures[picture.track] = Pictures(
                    count: count + 1, size: [picture.frame.width, picture.frame.height])
            }
        }
    }

    deinit {
        listening.cancel()
        observation.cancel()
    }

    /// A second of a voice, the first since this was asked last; nil where there is none yet.
    func takeVoice(_ track: TrackID) -> Recording? {
        let samples = seen.state.withLock { state -> [Int16]? in
            guard let heard = state.voices[track], heard.count >= Tone.rate else { return nil }
            state.voices[track] = nil
            return Array(heard.prefix(Tone.rate))
        }
        return samples.map { Recording(samples: $0.map { Double($0) / 32768 }) }
    }

    /// What comes from now on counts.
    func forget() { seen.state.withLock { $0 = State() } }

    func pictures(_ track: TrackID) -> Pictures { seen.state.withLock { $0.pictures[track] ?? Pictures() } }
}

/// A Janus server in the lab, with the configuration of the interop suites.
struct LabJanus {
    let url: String
    private let program: RunningProgram

    static func start() async throws -> LabJanus {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let program = try RunningProgram("\(tests.path)/Interop/serve-janus", [DeviceLab.shared])
        let isUp = await reached(within: .seconds(90)) { program.output.hasSuffix("\n") }
        guard isUp else {
            let result = try await program.stop()
            throw LabFailure("Janus did not start: \(result.errors)")
        }
        return LabJanus(url: program.output.trimmingCharacters(in: .newlines), program: program)
    }

    func stop() async throws { try await program.stop(SIGTERM) }
}

/// What the lab itself lacks.
struct LabFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
