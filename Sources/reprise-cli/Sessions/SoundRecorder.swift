import Codecs
import Reprise
import Synchronization

/// Writes the sound that comes back from the room into a file, for `--record`, and each voice of it into another.
final class SoundRecorder: Sendable {
    private let path: String
    private let tape: Tape
    private let follower: Task<Void, Never>

    /// - `voices`: gets each of the others' sound as it is apart from the rest; nil: it is not kept.
    /// - Throws: `CodecError` where the file cannot be written.
    init(_ path: String, _ call: Call, channels: Int, voices: VoiceFiles? = nil) throws {
        self.path = path
        let tape = Tape(try WAVFile(path, format: AudioFormat(channels: channels)), voices)
        self.tape = tape
        let sound = voices == nil ? call.remoteAudio : call.remoteVoices
        follower = Task {
            for await block in sound where !tape.add(block) { return }
        }
    }

    /// Why nothing is recorded any more: the disk is full.
    var failure: CodecError? { tape.failure }

    /// Ends the recording.
    func finish() async throws {
        follower.cancel()
        await follower.value
        let seconds = try tape.finish()
        note("Wrote \(path) (\(seconds.fixed(1)) s).")
    }
}

/// The files that are written to.
private final class Tape: Sendable {
    private struct State {
        let file: WAVFile
        var failure: CodecError?
    }

    private let state: Mutex<State>
    private let voices: VoiceFiles?

    init(_ file: sending WAVFile, _ voices: VoiceFiles?) {
        state = Mutex(State(file: file))
        self.voices = voices
    }

    var failure: CodecError? { state.withLock { $0.failure } }

    /// Returns whether it was written.
    func add(_ block: SoundBlock) -> Bool {
        state.withLock { state in
            do throws(CodecError) {
                if block.track == nil {
                    try state.file.append(block.samples)
                } else {
                    // A voice's blocks come before the one that they are in.
                    try voices?.add(block, at: state.file.sampleFrames)
                }
            } catch {
                state.failure = error
            }
            return state.failure == nil
        }
    }

    /// Returns how many seconds were recorded.
    func finish() throws -> Double {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            try state.file.finish()
            try voices?.finish()
            return Double(state.file.sampleFrames) / Double(state.file.format.rate)
        }
    }
}
