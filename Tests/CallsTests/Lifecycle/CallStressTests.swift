import Media
import Rooms
import Scopes
import Synchronization
import TestSupport
import Testing

@testable import Calls

/// Joins, leaves, device changes and resets in random order from several tasks at once; run under ThreadSanitizer too.
@Suite("Everything at once", .timeLimit(.minutes(10)))
struct CallStressTests {
    private enum Step: CaseIterable {
        case join, leave, cancelledJoin, enable, disable, toggle, pause, resume, select, flip, reset, resetAll
        case unplug, plugIn, cut, volume
    }

    /// What one run may take, on a loaded machine and under ThreadSanitizer: a few milliseconds are usual.
    private static let limit = Duration.seconds(60)

    @Test("1,000 seeded runs end with the invariants true")
    func randomOrder() async throws {
        let base = UInt64.random(in: 0...UInt64.max)
        print("seed \(base)")
        for run in 0..<1000 {
            // Every tenth run on device threads of their own; the others on a time that passes as fast as it can.
            try await runOnce(seed: base &+ UInt64(run), isRealTime: run % 10 == 0)
        }
    }

    private func runOnce(seed: UInt64, isRealTime: Bool) async throws {
        var generator = SeededGenerator(seed: seed)
        let standby = Bool.random(using: &generator) ? StandbyPolicy.release : .warm
        let time = SyntheticClock()
        let hardware = SyntheticDeviceSystem.small(timing: isRealTime ? .realTime : .manual(time))
        let ticker = Task {
            while !Task.isCancelled && !isRealTime {
                let target = time.now + .milliseconds(10)
                time.advance(by: .milliseconds(10))
                // Another task may be in the middle of an advance and do this one too: it must come to its end.
                repeat { await Task.yield() } while time.now < target && !Task.isCancelled
            }
        }
        defer { ticker.cancel() }
        // A clock of its own, never moved: nothing may depend on a timeout to end.
        let fixture = Fixture(hardware: hardware) {
            $0.standby = standby
            if !isRealTime { $0.now = { time.now } }
        }
        let ended = Completion()
        let run = Task { [generator] in
            defer { ended.complete() }
            try await course(fixture, seed, generator)
        }
        guard await ended.wait(atMost: Self.limit, clock: ContinuousClock()) == .completed else {
            throw Stalled(seed: seed, standing: standing(fixture))
        }
        try await run.value
    }

    /// A run that does not come to its end.
    private struct Stalled: Error, CustomStringConvertible {
        let seed: UInt64
        let standing: String
        var description: String { "the run with seed \(seed) stands still: \(standing)" }
    }

    private func course(_ fixture: Fixture, _ seed: UInt64, _ generator: SeededGenerator) async throws {
        var generator = generator
        let hardware = fixture.hardware.hardware
        await withTaskGroup { group in
            for _ in 0..<3 {
                var own = SeededGenerator(seed: generator.next())
                group.addTask {
                    for _ in 0..<6 { await carryOut(Step.allCases.randomElement(using: &own)!, fixture, &own) }
                }
            }
        }
        // What was asked for after the last leave is meant for the next session: that one ends it.
        try await fixture.call.join()
        await fixture.call.leave()
        let problem = violation(fixture)
        #expect(problem == nil, "seed \(seed)")
        for device in hardware { device.plugIn() }
        try await fixture.call.join()
        await fixture.running()
        await fixture.client.close()
        #expect(hardware.allSatisfy { !$0.isOpen && $0.opens == $0.closes }, "seed \(seed)")
        #expect(fixture.call.lifecycleIsIdle, "seed \(seed)")
    }

    private func carryOut(_ step: Step, _ fixture: Fixture, _ generator: inout SeededGenerator) async {
        let call = fixture.call
        let manager: any DeviceManager = [call.microphone, call.speaker, call.camera, call.screenShare][
            Int.random(in: 0..<4, using: &generator)]
        let device = fixture.hardware.hardware.randomElement(using: &generator)!
        // What each answers depends on who was faster; what must hold is looked at in the end.
        switch step {
        case .join: try? await call.join()
        case .leave: await call.leave()
        case .cancelledJoin:
            let join = Task { try await call.join() }
            await Task.yield()
            join.cancel()
            _ = await join.result
        case .enable: try? await manager.enable()
        case .disable: try? await manager.disable()
        case .toggle: try? await manager.toggle()
        case .pause: try? await manager.pause()
        case .resume: try? await manager.resume()
        case .select:
            if let id = try? await manager.devices().randomElement(using: &generator) { try? await manager.select(id) }
        case .flip: try? await call.camera.flip()
        case .reset: await manager.reset()
        case .resetAll: await call.media.reset()
        case .unplug: device.unplug()
        case .plugIn: device.plugIn()
        case .cut: try? fixture.service.room.disconnect(call.state.sessionID.value, of: call.id, forgetting: true)
        case .volume: try? await call.speaker.setVolume(.random(in: 0...100, using: &generator))
        }
    }

    /// What does not hold though the call was left.
    private func violation(_ fixture: Fixture) -> String? {
        let call = fixture.call
        let statuses = [call.microphone.status, call.speaker.status, call.camera.status, call.screenShare.status]
        if statuses != Array(repeating: .notSelected, count: 4) { return "statuses \(statuses)" }
        if fixture.hardware.hardware.contains(where: \.isRunning) { return "a device runs" }
        if call.configuration.standby == .release, fixture.hardware.hardware.contains(where: \.isOpen) {
            return "a device is open"
        }
        if call.scope != nil { return "a scope is on" }
        if !call.state.participants.value.isEmpty { return "participants stay" }
        switch call.state.connection.value {
        case .idle, .failed: return nil
        default: return "connection \(call.state.connection.value)"
        }
    }

    /// Where a run stands, for whoever has to find out why.
    private func standing(_ fixture: Fixture) -> String {
        let call = fixture.call
        let (generation, hasSession, isCleaningUp, jobs) = call.lifecycle.withLock {
            ($0.generation, $0.session != nil, $0.cleanup != nil, $0.session?.scope.childCount ?? 0)
        }
        let managers: [any DeviceManager] = [call.microphone, call.speaker, call.camera, call.screenShare]
        let devices = managers.map { manager in
            let state = manager.control.state.withLock { $0 }
            return "\(manager.status) wanted \(String(describing: state.intent)) paused \(state.isPaused) "
                + "running \(String(describing: state.running?.name)) arrived \(state.running?.hasArrived ?? false) "
                + "error \(String(describing: state.error))"
        }
        let hardware = fixture.hardware.hardware.map {
            "\($0.id) present \($0.isPresent) open \($0.isOpen) running \($0.isRunning)"
        }
        return """
            \(call.state.connection.value), generation \(generation), session \(hasSession), \
            cleaning up \(isCleaningUp), jobs \(jobs); \((devices + hardware).joined(separator: "; "))
            """
    }
}
