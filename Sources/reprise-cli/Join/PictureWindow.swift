import Glibc
import Reprise
import Synchronization

/// A window with the newest picture of everybody else, for `--view`.
///
/// A thread of its own talks to the library, which wants one; decoders hand their pictures to it. Closing the window
/// ends the command as Ctrl-C does.
final class PictureWindow: Sendable {
    private let board: PictureBoard
    private let observation: VideoObservation
    private let thread: DeviceThread

    /// - Throws: `CommandError` where no window can be opened.
    init(_ call: Call, title: String) async throws {
        let (board, opening) = (PictureBoard(), Opening())
        self.board = board
        thread = DeviceThread(name: "view") { _ in
            do throws(CommandError) {
                let window = try SDLWindow(title: title)
                opening.ended(nil)
                window.show(board)
            } catch {
                opening.ended(error)
            }
        }
        observation = call.onRemoteVideo { board.put($0) }
        if let error = await opening.failure { throw error }
    }

    /// Closes the window; returns when it is gone.
    func close() async {
        observation.cancel()
        board.end()
        await thread.join()
    }
}

/// How the window's opening went, told from its thread.
private final class Opening: Sendable {
    private let error = Mutex<CommandError?>(nil)
    private let completion = Completion()

    func ended(_ failure: CommandError?) {
        error.withLock { $0 = failure }
        completion.complete()
    }

    var failure: CommandError? {
        get async {
            await completion.wait()
            return error.withLock { $0 }
        }
    }
}

/// The newest picture of each track, from the decoders to the window.
final class PictureBoard: Sendable {
    private struct State {
        var frames: [TrackID: (frame: VideoFrame, at: MonotonicInstant)] = [:]
        var version = 0
        var isOver = false
    }

    /// A track of which nothing came for so long is shown no more.
    private static let staleAfter = Duration.seconds(3)

    private let state = Mutex(State())

    func put(_ picture: TrackFrame) {
        let now = MonotonicInstant.now()
        // The replaced frame is let go of outside the lock.
        let old = state.withLock { state in
            defer {
                state.frames[picture.track] = (picture.frame, now)
                state.version += 1
            }
            return state.frames[picture.track]
        }
        withExtendedLifetime(old) {}
    }

    func end() { state.withLock { $0.isOver = true } }

    var isOver: Bool { state.withLock { $0.isOver } }

    /// What is to be shown, in a steady order; nil where it is what was shown at `version`.
    func pictures(after version: Int) -> (version: Int, pictures: [(track: TrackID, frame: VideoFrame)])? {
        let now = MonotonicInstant.now()
        return state.withLock { state in
            let stale = state.frames.filter { now - $0.value.at > Self.staleAfter }
            for track in stale.keys { state.frames[track] = nil }
            if !stale.isEmpty { state.version += 1 }
            guard state.version != version else { return nil }
            let ordered = state.frames.sorted { $0.key.description < $1.key.description }
            return (state.version, ordered.map { ($0.key, $0.value.frame) })
        }
    }
}

/// How pictures share a window: in rows and columns, each as large as its cell and its own shape allow.
struct PictureLayout: Sendable, Equatable {
    struct Area: Sendable, Equatable {
        var x: Int
        var y: Int
        var width: Int
        var height: Int
    }

    /// - `sizes`: of the pictures, in pixels.
    static func areas(_ sizes: [(width: Int, height: Int)], width: Int, height: Int) -> [Area] {
        guard !sizes.isEmpty else { return [] }
        var columns = 1
        while columns * columns < sizes.count { columns += 1 }
        let rows = (sizes.count + columns - 1) / columns
        let (cellWidth, cellHeight) = (width / columns, height / rows)
        return sizes.enumerated().map { index, size in
            let scale = min(Double(cellWidth) / Double(size.width), Double(cellHeight) / Double(size.height))
            let (shownWidth, shownHeight) = (Int(Double(size.width) * scale), Int(Double(size.height) * scale))
            return Area(
                x: index % columns * cellWidth + (cellWidth - shownWidth) / 2,
                y: index / columns * cellHeight + (cellHeight - shownHeight) / 2, width: shownWidth,
                height: shownHeight)
        }
    }
}
