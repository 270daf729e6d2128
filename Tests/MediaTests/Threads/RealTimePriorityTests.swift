import CTestSupport
import Foundation
import Glibc
import Synchronization
import Testing

@testable import Media

/// rtkit on a bus of this process's own: a dbus-daemon and a stand-in that gives priority as rtkit does.
@Suite("Real-time priority", .serialized, .timeLimit(.minutes(1)))
struct RealTimePriorityTests {
    @Test("where the kernel refuses, rtkit gives the thread the priority that was asked for")
    func given() async throws {
        let bus = try Bus.shared.get()
        let grants = Collected<RealTimeGrant>()
        let scheduler = Mutex<Int32>(-1)
        let thread = DeviceThread(name: "rtkit-asker") { _ in
            #expect(test_give_up_nice() == 0)
            let priority = RealTimePriority()
            priority.ask(12)
            grants.add(priority.grant)
            // The answer comes while the device runs.
            while !priority.isGranted, RealTimeKit.shared.refusal == nil { sched_yield() }
            grants.add(priority.grant)
            scheduler.withLock { $0 = sched_getscheduler(0) & ~0x4000_0000 }
        }
        await thread.join()
        #expect(RealTimeKit.shared.refusal == nil)
        #expect(grants.all == [.refused(errno: EPERM), .granted(priority: 12)])
        #expect(scheduler.withLock { $0 } == SCHED_RR)
        #expect(bus.requests.last?.hasSuffix(" 12") == true)
    }

    @Test("more than rtkit's highest priority is not asked for")
    func highest() async throws {
        let bus = try Bus.shared.get()
        let kit = RealTimeKit()
        let given = Mutex<Int?>(nil)
        let thread = DeviceThread(name: "rtkit-asker") { _ in
            given.withLock { $0 = try? kit.request(for: test_thread(), 60) }
        }
        await thread.join()
        #expect(given.withLock { $0 } == 20)
        #expect(bus.requests.last?.hasSuffix(" 20") == true)
    }

    @Test("a refusal keeps rtkit's reason, and is not asked for again")
    func refused() async throws {
        let bus = try Bus.shared.get()
        let kit = RealTimeKit()
        let go = Wakeup()
        let thread = DeviceThread(name: "rtkit-asker") { _ in
            kit.ask(for: test_thread(), 1) { _ in Issue.record("granted") }
            waitUntilSignalled(go)
        }
        while kit.refusal == nil { await Task.yield() }
        #expect(kit.refusal?.contains("AccessDenied") == true)
        let asked = bus.requests.count
        kit.ask(for: test_thread(), 12) { _ in Issue.record("granted") }
        #expect(bus.requests.count == asked)
        go.signal()
        await thread.join()
    }
}

/// A private system bus with the stand-in on it; gone with the process.
private final class Bus: Sendable {
    static let shared = Result { try Bus() }

    private let log: String

    /// What the stand-in was asked, a line each.
    var requests: [String] {
        ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").split(separator: "\n").map(String.init)
    }

    private init() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "reprise-bus-\(getpid())").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        log = folder + "/rtkit.log"
        let address = "unix:path=\(folder)/bus"
        let standIn = Process()
        standIn.executableURL = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "rtkit.py")
        standIn.arguments = [address]
        try Data().write(to: URL(filePath: log))
        standIn.standardOutput = try FileHandle(forWritingTo: URL(filePath: log))
        standIn.standardError = standIn.standardOutput
        let input = Pipe()
        standIn.standardInput = input
        try standIn.run()
        // It ends when this process does, and its input with it.
        unsafe Self.lifeline = dup(input.fileHandleForWriting.fileDescriptor)
        unsafe Self.folder = strdup(folder)
        atexit {
            if let folder = unsafe Bus.folder {
                try? FileManager.default.removeItem(atPath: unsafe String(cString: folder))
            }
        }
        unsafe setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1)
        while requests.last != "ready" {
            guard standIn.isRunning else {
                throw CocoaError(.featureUnsupported, userInfo: ["log": requests])
            }
            sched_yield()
        }
    }

    nonisolated(unsafe) private static var lifeline: Int32 = -1
    nonisolated(unsafe) private static var folder: UnsafeMutablePointer<CChar>?
}
