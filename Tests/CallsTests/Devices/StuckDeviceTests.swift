import Media
import Rooms
import Scopes
import Synchronization
import TestSupport
import Testing

@testable import Calls

/// Drivers that do not come back, or tell of their stall too early: nothing of it holds up a leave or stays.
@Suite("Devices that hang", .timeLimit(.minutes(2)))
struct StuckDeviceTests {
    @Test(
        "A leave returns within its promise wherever a driver hangs, and the next join works",
        arguments: ScriptedHang.allCases)
    func leave(hang: ScriptedHang) async throws {
        let script = ScriptedCall()
        let (call, headset) = (script.call, script.card("headset:mic"))
        var gate: Gate
        switch hang {
        case .lookUp, .list, .start, .delivery:
            gate = headset.hang(in: hang)
            try await call.join()
            if hang == .delivery {
                while !headset.hardware.isRunning { await Task.yield() }
            } else {
                await gate.waitForArrival()
            }
        case .prepare:
            headset.hardware.unplug()
            try await call.join()
            await script.until { script.runs(call.microphone, "board:mic") }
            gate = headset.hang(in: hang)
            headset.hardware.plugIn()
            script.machine.watch.tell(DeviceSignal(.sound, .added, "headset:mic"))
            let clock = script.clock
            let ticker = Task {
                while !Task.isCancelled {
                    script.time.advance(by: .milliseconds(20))
                    clock.advance(by: .milliseconds(20))
                    await Task.yield()
                }
            }
            await gate.waitForArrival()
            ticker.cancel()
            await ticker.value
        case .stop:
            try await script.joinAndRun()
            gate = headset.hang(in: hang)
        }
        let leaving = Task { await call.leave() }
        switch hang {
        // Nobody waits for a look at the devices, or for a block that does not come.
        case .lookUp, .list, .delivery: break
        case .prepare, .start, .stop:
            await gate.waitForArrival()
            while !script.clock.hasSleeper(for: call.configuration.cleanupTimeout) { await Task.yield() }
            script.advance(by: call.configuration.cleanupTimeout)
        }
        await leaving.value
        // The driver comes back at last.
        headset.hung.withLock { $0 = nil }
        gate.open()
        while !call.lifecycleIsIdle { await Task.yield() }
        #expect(
            !headset.hardware.isRunning && !headset.hardware.isOpen
                && call.microphone.status == .notSelected)
        try await script.joinAndRun()
        await call.leave()
        #expect(
            script.machine.cards.allSatisfy { !$0.hardware.isOpen } && call.sessions.childCount == 0)
    }

    @Test("A choice whose look-up outlasts a reset is refused: nothing of it is left for the next join")
    func choiceAcrossReset() async throws {
        let script = ScriptedCall()
        let (call, headset) = (script.call, script.card("headset:mic"))
        let gate = headset.hang(in: .lookUp)
        let choosing = Task { () -> DeviceError? in
            do throws(DeviceError) { try await call.microphone.select("headset:mic") } catch { return error }
            return nil
        }
        await gate.waitForArrival()
        await call.microphone.reset()
        headset.hung.withLock { $0 = nil }
        gate.open()
        #expect(await choosing.value?.code == .cancelled)
        #expect(call.microphone.selectedDevice == nil && call.microphone.status == .notSelected)
        #expect(call.microphone.control.state.withLock { $0.selection } == nil)
    }

    @Test(
        "Resetting, choosing and switching off end within the cleanup's timeout, and are done when the driver comes back"
    )
    func operations() async throws {
        let script = ScriptedCall()
        let (call, headset) = (script.call, script.card("headset:mic"))
        try await script.joinAndRun()
        let gate = headset.hang(in: .stop)
        let choosing = Task { try await call.microphone.select("board:mic") }
        await gate.waitForArrival()
        let switchingOff = Task { try await call.microphone.disable() }
        while call.microphone.status != .disabled { await Task.yield() }
        let resetting = Task { await call.media.reset() }
        let limit = call.configuration.cleanupTimeout
        let ticker = Task {
            // Whichever waits longest.
            while !Task.isCancelled {
                if script.clock.hasSleeper(for: limit) { script.advance(by: limit) }
                await Task.yield()
            }
        }
        for operation in [choosing, switchingOff] {
            let error = await #expect(throws: DeviceError.self) { try await operation.value }
            #expect(error?.code == .timedOut, "\(String(describing: error))")
        }
        await resetting.value
        ticker.cancel()
        await ticker.value
        #expect(call.microphone.status == .notSelected && call.microphone.selectedDevice == "headset:mic")
        headset.hung.withLock { $0 = nil }
        gate.open()
        await script.until { !headset.hardware.isOpen && call.microphone.selectedDevice == nil }
        await call.leave()
        try await script.joinAndRun()
        await call.leave()
        #expect(script.machine.cards.allSatisfy { !$0.hardware.isOpen })
    }

    @Test("A device that starts and neither delivers nor tells is given up for the next after 3 s")
    func silentStart() async throws {
        let script = ScriptedCall()
        _ = script.card("headset:mic").hang(in: .delivery)
        try await script.call.join()
        await script.until { script.runs(script.call.microphone, "board:mic") }
        #expect(script.call.microphone.recoveries.failedStarts >= 1)
        #expect(script.call.state.errors.value.isEmpty == false || script.call.microphone.error == nil)
        await script.call.leave()
    }

    @Test(
        "A speaker that stalls before its start has returned is restarted, opened anew, then left for the next"
    )
    func earlyStall() async throws {
        let script = ScriptedCall()
        let headset = script.card("headset:speaker").hardware
        headset.setStalled(true)
        try await script.call.join()
        let speaker = script.call.speaker
        await script.until { script.runs(speaker, "board:speaker") }
        #expect(
            speaker.recoveries.stalls == 3 && speaker.recoveries.restarts == 1
                && speaker.recoveries.reopens == 1)
        headset.setStalled(false)
        script.machine.watch.tell(DeviceSignal(.sound, .added, "headset:speaker"))
        await script.until { script.runs(speaker, "headset:speaker") }
        #expect(speaker.error == nil)
        await script.call.leave()
    }

    @Test(
        "A speaker whose stall is told before its start has returned, and which goes on by itself, is enabled"
    )
    func earlyStallResumes() async throws {
        let script = ScriptedCall { $0.routing.returns = false }
        let headset = script.card("headset:speaker").hardware
        headset.setStalled(true)
        try await script.call.join()
        await script.call.speaker.errors.first { $0?.code == .neverStarted }
        headset.setStalled(false)
        await script.until { script.runs(script.call.speaker, "headset:speaker") }
        await script.call.leave()
    }
}
