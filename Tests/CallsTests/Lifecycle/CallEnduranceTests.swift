import Calls
import CTestSupport
import Foundation
import Media
import Rooms
import Scopes
import TestSupport
import Testing

/// What a process holds of the machine, read from /proc.
struct ProcessUse: Sendable {
    var threads: Int
    var descriptors: Int
    var residentKilobytes: Int
    var heapBytes: Int64

    static func now() throws -> ProcessUse {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        func field(_ name: String) -> Int {
            let line = status.split(separator: "\n").first { $0.hasPrefix(name + ":") } ?? ""
            return Int(line.split(whereSeparator: { !$0.isNumber }).first ?? "") ?? 0
        }
        return ProcessUse(
            threads: field("Threads"),
            descriptors: try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count,
            residentKilobytes: field("VmRSS"), heapBytes: test_heap_in_use())
    }

    /// What the heap may differ by: a picture of half a megabyte may be at hand or not. The allocator counts what its threads
    /// keep as in use, and leaves holes.
    static let heapSlack: Int64 = 768 << 10

    /// Whether this is no more than an earlier use.
    func isWithin(_ earlier: ProcessUse) -> Bool {
        descriptors <= earlier.descriptors && threads <= earlier.threads
            && heapBytes < earlier.heapBytes + Self.heapSlack
    }
}

/// A year of mornings and evenings. Its counts are those of the whole process, so it runs in one of its own: the suite is
/// enabled by the environment variable that `make test` sets for it.
@Suite(
    "Endurance", .serialized, .timeLimit(.minutes(10)),
    .enabled(if: ProcessInfo.processInfo.environment["REPRISE_ENDURANCE"] != nil))
struct CallEnduranceTests {
    @Test("10,000 joins and leaves end with tasks, threads and descriptors at their start and memory flat")
    func tenThousandCycles() async throws {
        test_keep_no_errors()
        let clock = SyntheticClock()
        let hardware = SyntheticDeviceSystem.small(timing: .manual(clock))
        var configuration = CallConfiguration()
        configuration.now = { clock.now }
        configuration.clock = ManualClock()
        let client = Client(
            user: User(id: "ada"), service: InProcessService(transport: .memory), devices: hardware.system,
            configuration: configuration)
        let call = client.call(type: InProcessService.echoType, id: "kitchen")
        // What is made once (pools, caches, the allocator's arenas) is there after the first half.
        for _ in 0..<5000 { try await cycle(call, clock) }
        let start = try await settled(atMost: nil)
        for _ in 0..<5000 { try await cycle(call, clock) }
        let end = try await settled(atMost: start)
        print("start \(start)\nend   \(end)")
        #expect(call.generation == 10_000)
        #expect(hardware.audio.microphone.hardware.starts == 10_000 && hardware.cameras.first.hardware.starts == 10_000)
        #expect(end.descriptors <= start.descriptors)
        // The concurrency pool's own threads may come and go by one.
        #expect(end.threads <= start.threads + 1)
        #expect(call.stateScope.childCount == 1)
        // Some 150 bytes a cycle.
        #expect(end.heapBytes - start.heapBytes < ProcessUse.heapSlack)
        #expect(end.residentKilobytes - start.residentKilobytes < 4 << 10)
    }

    /// The use once the last session's objects are gone: the task that left may hold them a moment longer, and a codec's
    /// thread ends with its picture.
    private func settled(atMost bound: ProcessUse?) async throws -> ProcessUse {
        var use = try ProcessUse.now()
        for _ in 0..<10_000 where bound.map({ !use.isWithin($0) }) ?? false {
            await Task.yield()
            use = try ProcessUse.now()
        }
        return use
    }

    private func cycle(_ call: Call, _ clock: SyntheticClock) async throws {
        try await call.join()
        await advance(clock) {
            call.microphone.status == .enabled && call.speaker.status == .enabled
                && call.camera.status == .enabled
        }
        await call.leave()
    }
}
