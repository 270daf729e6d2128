import Media
import Reprise
import Synchronization
import Testing

/// What happens to the whole machine under a running call.
@Suite("A machine whose clock is set, and that is frozen", .enabled(if: DeviceLab.isHere), .serialized)
struct CallMachineTests {
    @Test("the time of day an hour back and forth again: it is told, and the sound goes on", arguments: [-3600, 3600])
    func clock(seconds: Int) async throws {
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

    /// The devices stay awake: the lab's root is a device that does not survive a sleep.
    /// - Source: Documentation/power/basic-pm-debugging.rst of the kernel.
    @Test(
        "all processes frozen for five seconds on the way to a sleep: sound and picture go on, with what was missed counted"
    )
    func frozen() async throws {
        let watch = try await FaultWatch(.all)
        #expect(await watch.far.hears(after: .init(nanoseconds: 0)))
        let before = xruns(watch.lab.call)
        let result = try await DeviceLab.shell("echo freezer > /sys/power/pm_test && echo mem > /sys/power/state")
        try #require(result.status == 0, "\(result.errors)")
        let awake = MonotonicInstant.now()
        #expect(await watch.far.hears(after: awake))
        #expect(await watch.far.sees(after: awake))
        #expect(watch.lab.managers.allSatisfy { $0.status == .enabled && $0.error == nil })
        let isCounted = await reached { xruns(watch.lab.call) > before }
        #expect(isCounted, "\(String(describing: watch.lab.call.statistics))")
        #expect(watch.lab.call.state.connection.value == .joined && watch.lab.call.generation == 1)
        await watch.end()
    }

    private func xruns(_ call: Call) -> Int64 {
        (call.statistics?.microphone?.stream.xruns ?? 0) + (call.statistics?.speaker?.stream.xruns ?? 0)
    }
}
