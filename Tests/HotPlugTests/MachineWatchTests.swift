import Foundation
import Glibc
import Media
import Testing

@testable import HotPlug

/// The watch on a folder that stands for /dev: inotify tells of its files as of device nodes.
@Suite("Watching /dev", .serialized, .timeLimit(.minutes(1)))
struct MachineWatchTests {
    @Test("Cameras and sound nodes that come, go, change and are closed are told, other files are not")
    func nodes() async throws {
        let dev = try Folder()
        let watch = MachineWatch(dev: dev.path)
        var signals = watch.signals().makeAsyncIterator()
        #expect(watch.listeners == 1)

        dev.touch("null")
        dev.touch("video0")
        #expect(await signals.next() == DeviceSignal(.video, .added, "video0"))
        dev.close("video0")
        #expect(await signals.next(event: .freed) == DeviceSignal(.video, .freed, "video0"))
        unsafe chmod(dev.path + "/video0", 0o600)
        #expect(await signals.next(event: .accessChanged) == DeviceSignal(.video, .accessChanged, "video0"))
        try dev.folder("snd")
        #expect(await signals.next() == DeviceSignal(.sound, .added, "snd"))
        dev.touch("snd/pcmC0D0p")
        #expect(await signals.next() == DeviceSignal(.sound, .added, "pcmC0D0p"))
        dev.close("snd/controlC0")
        #expect(await signals.next(event: .added) == DeviceSignal(.sound, .added, "controlC0"))
        dev.close("snd/pcmC0D0p")
        #expect(await signals.next(event: .freed) == DeviceSignal(.sound, .freed, "pcmC0D0p"))
        unsafe unlink(dev.path + "/video0")
        #expect(await signals.next(event: .removed) == DeviceSignal(.video, .removed, "video0"))
    }

    @Test("Where more happened than the kernel keeps, all is looked at, and what was missed is watched from then on")
    func overflow() throws {
        let dev = try Folder()
        let source = try #require(NodeSource(dev: dev.path))
        defer { source.close() }
        let limit = try String(contentsOfFile: "/proc/sys/fs/inotify/max_queued_events", encoding: .utf8)
        let most = try #require(Int(limit.trimmingCharacters(in: .newlines)))
        for number in 0...most { dev.touch("other\(number)") }
        dev.touch("video0")
        #expect(source.read().map(\.event) == [.added, .added])
        dev.close("video0")
        #expect(source.read() == [DeviceSignal(.video, .freed, "video0")])
    }

    @Test("Listeners do not accumulate, and without one no thread runs")
    func listenersEnd() async throws {
        let dev = try Folder()
        let watch = MachineWatch(dev: dev.path)
        for _ in 0..<50 {
            let listening = Task { for await _ in watch.signals() {} }
            while watch.listeners == 0 { await Task.yield() }
            listening.cancel()
            await listening.value
        }
        #expect(watch.listeners == 0)
        while watchThreads > 0 { await Task.yield() }
    }

    @Test("A jump between the clocks is a sleep, without one the time was set")
    func clock() {
        #expect(ClockSource.signal(slept: 3_600_000_000_000).event == .woke)
        #expect(ClockSource.signal(slept: 1_000).event == .clockSet)
        #expect(ClockSource.signal(slept: -5).event == .clockSet)
    }

    @Test("A sound server's socket that comes and goes is told")
    func server() async throws {
        let folder = try Folder()
        let source = try #require(ServerSource(folder: folder.path))
        defer { source.close() }
        folder.touch("pipewire-0")
        #expect(source.read() == [DeviceSignal(.soundServer, .added, "pipewire-0")])
        try folder.folder("pulse")
        #expect(source.read() == [])
        folder.touch("pulse/native")
        unsafe unlink(folder.path + "/pipewire-0")
        #expect(
            source.read() == [
                DeviceSignal(.soundServer, .added, "native"), DeviceSignal(.soundServer, .removed, "pipewire-0"),
            ])
    }

    private var watchThreads: Int {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return tasks.count {
            (try? String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8)) == "device-watch\n"
        }
    }
}

extension AsyncStream<DeviceSignal>.Iterator {
    /// The next signal of a kind: writing a file gives others beside it.
    mutating func next(event: DeviceSignal.Event) async -> DeviceSignal? {
        while let signal = await next(isolation: #isolation) {
            if signal.event == event { return signal }
        }
        return nil
    }
}

/// A folder that is gone with the test.
final class Folder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("reprise-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func folder(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: false)
    }

    /// Makes a file without opening it for writing, as a node is made.
    func touch(_ name: String) { unsafe mknod("\(path)/\(name)", S_IFREG | 0o644, 0) }

    /// Opens a file for writing and closes it.
    func close(_ name: String) { unsafe Glibc.close(open("\(path)/\(name)", O_WRONLY | O_CREAT, 0o644)) }
}
