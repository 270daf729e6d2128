import Codecs
import Reprise
import Synchronization

/// Writes the sound that comes back from the room into a file, for `--record`: all sessions one after the other.
final class SoundRecorder: Sendable {
    private let path: String
    private let tape: Tape
    private let follower: Task<Void, Never>

    /// - Throws: `CodecError` where the file cannot be written.
    init(_ path: String, _ call: Call, channels: Int) throws {
        self.path = path
        let tape = Tape(try WAVFile(path, format: AudioFormat(channels: channels)))
        self.tape = tape
        let sound = call.remoteAudio
        follower = Task {
            for await block in sound where !tape.add(block.samples) { return }
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

/// The file that is written to.
private final class Tape: Sendable {
    private struct State {
        let file: WAVFile
        var failure: CodecError?
    }

    private let state: Mutex<State>

    init(_ file: sending WAVFile) { state = Mutex(State(file: file)) }

    var failure: CodecError? { state.withLock { $0.failure } }

    /// Returns whether it was written.
    func add(_ samples: [Int16]) -> Bool {
        state.withLock { state in
            do throws(CodecError) { try state.file.append(samples) } catch { state.failure = error }
            return state.failure == nil
        }
    }

    /// Returns how many seconds were recorded.
    func finish() throws -> Double {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            try state.file.finish()
            return Double(state.file.sampleFrames) / Double(state.file.format.rate)
        }
    }
}
