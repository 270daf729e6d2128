import Foundation
import Testing

/// What a call may leave of its devices in this process once it is left and reset: nothing.
enum LeftBehind {
    /// Descriptors of devices and of the watch for them, and their threads by name.
    static var all: [String] { descriptors + threads }

    /// Waits until nothing is left: a thread whose device nobody keeps ends by itself, a moment later.
    static func expectNothing(_ comment: Comment? = nil, _ location: SourceLocation = #_sourceLocation) async {
        let isOver = await reached { all.isEmpty }
        #expect(isOver, "\(comment?.description ?? ""): \(all)", sourceLocation: location)
    }

    private static var descriptors: [String] {
        let files = FileManager.default
        return ((try? files.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []).compactMap {
            try? files.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
        }.filter { path in ["/dev/snd/", "/dev/video", "anon_inode:inotify"].contains { path.hasPrefix($0) } }
    }

    private static var threads: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []).compactMap {
            try? String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8).trimmingCharacters(in: .newlines)
        }.filter { ["alsa-capture", "alsa-playback", "camera", "device-watch"].contains($0) }
    }
}
