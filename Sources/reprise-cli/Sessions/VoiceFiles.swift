import Codecs
import Reprise
import Synchronization

/// A session's recordings of each of the others, beside the one of all together: `session-1-Ada.wav`, and the last picture,
/// `session-1-Ada.jpg`. All files of a session begin at the same instant.
final class VoiceFiles: Sendable {
    private struct State {
        var files: [SessionID: WAVFile] = [:]
        /// How many took a name.
        var names: [String: Int] = [:]
        /// Who has left: what is still on its way is of no use.
        var gone: Set<SessionID> = []
        var lookedAt: Int64 = 0
    }

    private let prefix: String
    private let call: Call
    private let pictures: PictureKeeper?
    private let state = Mutex(State())

    /// - `prefix`: what each path begins with.
    init(_ prefix: String, _ call: Call, _ pictures: PictureKeeper?) {
        self.prefix = prefix
        self.call = call
        self.pictures = pictures
    }

    /// Adds a piece of one voice.
    /// - `position`: how much of the whole was recorded before it: what is missing of a voice was silence.
    func add(_ block: SoundBlock, at position: Int64) throws(CodecError) {
        guard let session = block.track?.sessionID else { return }
        try state.withLock { (state) throws(CodecError) in
            try closeThoseGone(&state, at: position, block.format)
            guard !state.gone.contains(session) else { return }
            let file: WAVFile
            if let known = state.files[session] {
                file = known
            } else {
                file = try open(session, block.format, &state)
                state.files[session] = file
            }
            while file.sampleFrames < position {
                let missing = Int(min(position - file.sampleFrames, Int64(block.format.rate)))
                try file.append(Array(repeating: 0, count: missing * block.format.channels))
            }
            try file.append(block.samples)
        }
    }

    /// Ends all files.
    func finish() throws(CodecError) {
        try state.withLock { (state) throws(CodecError) in
            for (session, file) in state.files { try finish(file, session) }
            state.files = [:]
        }
    }

    private func open(
        _ session: SessionID, _ format: AudioFormat, _ state: inout State
    ) throws(CodecError) -> WAVFile {
        let user = call.state.participants.value.first { $0.id == session }?.user
        var name = FileName.of(user?.name ?? session.rawValue)
        let count = state.names[name, default: 0] + 1
        state.names[name] = count
        if count > 1 { name += "-\(count)" }
        return try WAVFile("\(prefix)-\(name).wav", format: format)
    }

    /// Once a second of what is recorded: who comes and goes all day leaves no open files.
    private func closeThoseGone(_ state: inout State, at position: Int64, _ format: AudioFormat) throws(CodecError) {
        guard position - state.lookedAt >= Int64(format.rate) else { return }
        state.lookedAt = position
        let present = Set(call.state.participants.value.map(\.id))
        // Nobody at all: the call was left, and the rest of what was played is still to be written.
        guard !present.isEmpty else { return }
        for (session, file) in state.files where !present.contains(session) {
            state.files[session] = nil
            state.gone.insert(session)
            try finish(file, session)
        }
    }

    private func finish(_ file: WAVFile, _ session: SessionID) throws(CodecError) {
        try file.finish()
        try pictures?.save(of: session, to: "\(file.path.dropLast(4)).jpg")
    }
}

/// A name that any file system takes.
enum FileName {
    /// Letters, digits and `-._` stay, with no dot in front; of anything else there is a `_`.
    static func of(_ text: String) -> String {
        let plain = text.map { $0.isLetter || $0.isNumber || "-._".contains($0) ? $0 : "_" }
        let name = String(plain.drop { $0 == "." }.prefix(60))
        return name.isEmpty ? "_" : name
    }
}
