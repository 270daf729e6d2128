import Foundation
import Media
import Synchronization
import Testing

@Suite("DeviceThread", .timeLimit(.minutes(1)))
struct DeviceThreadTests {
    @Test("the body runs on a thread of its own, which carries its name and is gone after join")
    func ownThread() async throws {
        let identity = Mutex<(thread: String, name: String)>(("", ""))
        let go = Wakeup()
        let thread = DeviceThread(name: "reprise-test") { _ in
            let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")) ?? ""
            let name = (try? String(contentsOfFile: "/proc/\(path)/comm", encoding: .utf8)) ?? ""
            identity.withLock { $0 = ("/proc/" + path, name) }
            waitUntilSignalled(go)
        }
        go.signal()
        await thread.join()
        let (path, name) = identity.withLock { $0 }
        #expect(name == "reprise-test\n")
        #expect(path.hasPrefix("/proc/") && path.contains("/task/"))
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("any number of callers may join, before and after the end; afterwards the body's captures are free")
    func joins() async {
        final class Captured: Sendable {}
        var captured: Captured? = Captured()
        weak let weakCaptured = captured
        let go = Wakeup()
        let thread = DeviceThread(name: "joined") { [captured] _ in
            waitUntilSignalled(go)
            withExtendedLifetime(captured) {}
        }
        captured = nil
        #expect(weakCaptured != nil)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<5 { group.addTask { await thread.join() } }
            group.addTask { go.signal() }
        }
        await thread.join()
        #expect(weakCaptured == nil)
    }

    @Test("join is not cut short by cancellation")
    func joinIsNotCutShort() async {
        let go = Wakeup()
        let hasEnded = Atomic<Bool>(false)
        let thread = DeviceThread(name: "patient") { _ in
            waitUntilSignalled(go)
            hasEnded.store(true, ordering: .releasing)
        }
        let joiner = Task {
            await thread.join()
            return hasEnded.load(ordering: .acquiring)
        }
        joiner.cancel()
        for _ in 0..<100 { await Task.yield() }
        go.signal()
        #expect(await joiner.value)
    }

    @Test("the body is told what came of the priority")
    func priority() async {
        let grants = Collected<RealTimeGrant>()
        await DeviceThread(name: "ordinary") { grants.add($0) }.join()
        await DeviceThread(name: "fifo", priority: 1) { grants.add($0) }.join()
        #expect(grants.all.first == .notAsked)
        switch grants.all.last {
        case .granted(let priority): #expect(priority == 1)
        case .refused(let errno): #expect(errno == EPERM)
        default: Issue.record("asked for a priority, told \(String(describing: grants.all.last))")
        }
    }

    @Test("a thread that nobody joins ends by itself")
    func unjoined() async {
        let ended = Completion()
        _ = DeviceThread(name: "forgotten") { _ in ended.complete() }
        await ended.wait()
        #expect(ended.isComplete)
    }
}

@Suite("Completion", .timeLimit(.minutes(1)))
struct CompletionTests {
    @Test("all who wait go on, also those who come later and those who were cancelled")
    func waiters() async {
        let completion = Completion()
        let waiters = (0..<10).map { _ in Task { await completion.wait() } }
        waiters[3].cancel()
        #expect(!completion.isComplete)
        completion.complete()
        completion.complete()
        for waiter in waiters { await waiter.value }
        await completion.wait()
        #expect(completion.isComplete)
    }
}
