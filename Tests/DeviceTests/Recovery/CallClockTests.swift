import Media
import Reprise
import Synchronization
import Testing

/// The time of day is set under a running call, by `date`.
@Suite("A clock that is set", .enabled(if: DeviceLab.isHere), .serialized)
struct CallClockTests {
    @Test("an hour back and forth again: it is told, and the sound goes on", arguments: [-3600, 3600])
    func set(seconds: Int) async throws {
        let watch = try await FaultWatch(.loopback)
        #expect(await watch.far.hears(after: .init(nanoseconds: 0)))
        let told = Mutex(false)
        let machine = DeviceSystem.machine.watch
        let listener = Task {
            for await signal in machine.signals() where signal.event == .clockSet { told.withLock { $0 = true } }
        }
        defer { listener.cancel() }
        let listens = await reached { machine.listeners > 0 }
        try #require(listens)
        let at = MonotonicInstant.now()
        let result = try await DeviceLab.shell("date -s @$(($(date +%s) + \(seconds)))")
        try #require(result.status == 0, "\(result.errors)")
        let isTold = await reached { told.withLock { $0 } }
        #expect(isTold)
        #expect(await watch.far.hears(after: at + .milliseconds(500)))
        #expect(watch.lab.managers.allSatisfy { $0.recoveries.losses == 0 && $0.error == nil })
        #expect(watch.lab.call.state.connection.value == .joined)
        await watch.end()
    }
}
