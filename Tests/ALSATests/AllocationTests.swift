import ALSA
import Foundation
import Glibc
import Media
import Testing

/// The counter of the preloaded allocator (Tests/IdealCard/malloc_count.c); nil where it is not preloaded.
private func mallocCount() -> UInt64? {
    guard let symbol = unsafe dlsym(nil, "malloc_count") else { return nil }
    return unsafe symbol.load(as: UInt64.self)
}

extension OnIdealCards {
    @Suite(.timeLimit(.minutes(2))) struct Allocations {
        /// Runs this target once more with a counting allocator, which runs ``countedPeriods()``.
        @Test(.enabled(if: mallocCount() == nil))
        func `The period path allocates nothing in 10,000 periods of either direction`() throws {
            _ = IdealCard("ideal")
            let again = Process()
            again.executableURL = URL(filePath: "/proc/self/exe")
            again.arguments =
                CommandLine.arguments.dropFirst().filter { !$0.hasPrefix("--filter") } + [
                    "--testing-library", "swift-testing", "--filter", "countedPeriods",
                ]
            var environment = ProcessInfo.processInfo.environment
            environment["LD_PRELOAD"] = IdealCard.folder.appending(path: "libmalloc_count.so").path()
            again.environment = environment
            let output = Pipe()
            again.standardOutput = output
            try again.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            again.waitUntilExit()
            let counted = text.split(separator: "\n").filter { $0.hasPrefix("allocations in") }
            #expect(again.terminationStatus == 0)
            #expect(counted.count == 4, "\(text)")
        }

        @Test(.enabled(if: mallocCount() != nil), arguments: ["ideal", "ideal-44100"], AudioDirection.allCases)
        func countedPeriods(_ name: String, _ direction: AudioDirection) async throws {
            let card = IdealCard(name)
            // A period of 10 ms every 0.5 ms.
            card.speed = 20
            let device = try await ALSADevices().device(card.id, direction)
            let reader = RingReader()
            let ring =
                direction == .capture ? reader.ring : AudioRing(format: AudioFormat(), capacity: 48_000)
            _ = try await device.start(ring, options: AudioStreamOptions()) { _ in }
            var counted: Int64 = 0
            var allocations: UInt64 = 0
            while counted < (name == "ideal" ? 10_000 : 2_000) {
                // In parts, each with calm before and after it: an xrun, on a loaded machine, is recovered outside the
                // period path.
                let calm = try await periods(20, of: device)
                let before = (device.statistics, mallocCount() ?? 0)
                try await Task.sleep(for: .milliseconds(50))
                let after = (mallocCount() ?? 0, device.statistics)
                let end = try await periods(20, of: device)
                guard calm == end else { continue }
                counted += after.1.periods - before.0.periods
                allocations += after.0 - before.1
            }
            await device.stop(.release)
            reader.end()
            card.speed = 0
            #expect(allocations == 0)
            print("allocations in \(counted) periods of \(direction.rawValue): \(allocations)")
        }

        /// Waits for some more periods. Returns the xruns so far.
        private func periods(_ count: Int64, of device: any AudioDevice) async throws -> Int64 {
            let target = device.statistics.periods + count
            while device.statistics.periods < target { try await Task.sleep(for: .milliseconds(1)) }
            return device.statistics.xruns
        }
    }
}
