import Foundation
import Media
import ScreenCapture
import Synchronization
import Testing

@testable import reprise_cli

@Suite("reprise join --view", .serialized)
struct PictureWindowTests {
    @Test("The others' picture is in a window: a screenshot shows it, and SIGTERM closes it")
    func window() async throws {
        let server = try XServer(width: 1200, height: 700)
        defer { server.end() }
        let command = try RunningCommand(
            ["join", "kitchen", "--synthetic", "--size", "640x360", "--view", "--duration", "600"],
            environment: ["DISPLAY": server.display])
        // Read again and again: the window opens, then the first picture comes.
        let seen = try await screenshots(of: server.display) { share(ofBlue: $0) > 0.2 }
        #expect(seen, "\(command.errors)")
        command.signal(SIGTERM)
        let run = try await command.end()
        #expect(run.status == 0, "\(run.errors)")
    }

    @Test("Without a display it says so, and joins nothing")
    func noDisplay() async throws {
        let run = try await RunningCommand(
            ["join", "kitchen", "--synthetic", "--view", "--duration", "1"],
            environment: ["DISPLAY": ":4242", "SDL_VIDEODRIVER": "x11"]
        ).end()
        #expect(run.status == 1 && run.errors.contains("No window can be opened"), "\(run.errors)")
    }

    @Test("Pictures share a window by rows and columns, each in its own shape")
    func layout() {
        let wide = (width: 640, height: 360)
        #expect(PictureLayout.areas([], width: 100, height: 100).isEmpty)
        #expect(
            PictureLayout.areas([wide], width: 1280, height: 800)
                == [.init(x: 0, y: 40, width: 1280, height: 720)])
        #expect(
            PictureLayout.areas([wide, (width: 360, height: 640), wide], width: 1280, height: 720) == [
                .init(x: 0, y: 0, width: 640, height: 360), .init(x: 859, y: 0, width: 202, height: 360),
                .init(x: 0, y: 360, width: 640, height: 360),
            ])
    }

    /// Looks at the whole screen until a picture of it satisfies, for a minute at most.
    private func screenshots(
        of display: String, until satisfies: @escaping @Sendable (VideoFrame) -> Bool
    ) async throws -> Bool {
        let screens = X11Screens(display: display)
        let screen = try await screens.device(try #require(await screens.devices().first).id)
        let (frames, continuation) = AsyncStream.makeStream(of: Bool.self)
        let target = VideoTarget(width: 1200, height: 700, framesPerSecond: 10)
        _ = try await screen.start(target) { frame in
            continuation.yield(satisfies(frame))
        } onEvent: { _ in
        }
        let limit = Task {
            try await Task.sleep(for: .seconds(60))
            continuation.finish()
        }
        defer { limit.cancel() }
        var seen = false
        for await isThere in frames where isThere {
            seen = true
            break
        }
        await screen.stop(.release)
        return seen
    }

    /// How much of a picture of B, G, R, X is as blue as the synthetic front camera's.
    private func share(ofBlue frame: VideoFrame) -> Double {
        let plane = frame.planes[0]
        var (blue, all) = (0, 0)
        for y in stride(from: 0, to: frame.height, by: 7) {
            for x in stride(from: 0, to: frame.width, by: 7) {
                let at = y * plane.stride + x * 4
                all += 1
                if unsafe Int(plane.bytes[at]) > Int(plane.bytes[at + 2]) + 30 { blue += 1 }
            }
        }
        return Double(blue) / Double(max(1, all))
    }
}
