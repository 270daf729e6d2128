import Foundation
import Synchronization

/// A file that remembers which devices a person chose.
///
/// Names are kept beside the ids: a camera's id is its place on the bus, and in another socket it is known by its name.
/// - Thread: any. A file that cannot be read is empty, one that cannot be written forgets at the end of the program.
public final class DeviceMemory: Sendable {
    struct Entry: Codable, Sendable, Equatable {
        var id: String
        var name: String?
    }

    private let path: String
    private let entries: Mutex<[String: Entry]>

    /// - `path`: a JSON file; made at the first choice.
    public init(path: String) {
        self.path = path
        let data = FileManager.default.contents(atPath: path)
        entries = Mutex(data.flatMap { try? JSONDecoder().decode([String: Entry].self, from: $0) } ?? [:])
    }

    /// - `kind`: `microphone`, `speaker`, `camera`.
    func choice(of kind: String) -> Entry? { entries.withLock { $0[kind] } }

    /// - `choice`: nil forgets.
    func remember(_ choice: Entry?, of kind: String) {
        let all = entries.withLock { entries in
            entries[kind] = choice
            return entries
        }
        // The old file stays until the new one is whole.
        if let data = try? JSONEncoder().encode(all) {
            try? data.write(to: URL(fileURLWithPath: path), options: .atomic)
        }
    }
}
