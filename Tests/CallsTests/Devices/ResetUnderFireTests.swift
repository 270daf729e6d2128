import Foundation
import Media
import Rooms
import Scopes
import TestSupport
import Testing

@testable import Calls

/// `reset()`, `leave()`, rejoin, selection, mute and volume in random order while devices come, go, fail and stall; under
/// ThreadSanitizer too. REPRISE_FIRE_RUNS is the number of runs, REPRISE_FIRE_SEED the first one's seed.
@Suite("Reset under fire", .timeLimit(.minutes(30)))
struct ResetUnderFireTests {
    private enum Step: CaseIterable {
        case join, leave, reset, resetAll, select, unselect, toggle, volume, speakerphone, flip
        case unplug, unplugMore, plugIn, plugInMore, stall, resume, busy, jack, woke
    }

    @Test("Seeded runs with retries, stalls and signals in simulated time end with the invariants true")
    func random() async throws {
        let environment = ProcessInfo.processInfo.environment
        let runs = Int(environment["REPRISE_FIRE_RUNS"] ?? "") ?? 500
        let base = UInt64(environment["REPRISE_FIRE_SEED"] ?? "") ?? UInt64.random(in: 0...UInt64.max)
        print("seed \(base), \(runs) runs")
        for run in 0..<runs { try await runOnce(seed: base &+ UInt64(run)) }
    }

    private func runOnce(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let time = SyntheticClock()
        let hardware = RecoveryTests.machine(.manual(time))
        let standby = Bool.random(using: &generator) ? StandbyPolicy.release : .warm
        let fixture = Fixture(hardware: hardware) {
            $0.standby = standby
            $0.now = { time.now }
            // Simulated time runs while real work is done: it ends no waiting for that.
            $0.cleanupTimeout = .seconds(1_000_000)
            $0.leaveMessageTimeout = .seconds(1_000_000)
        }
        let ticker = Task {
            while !Task.isCancelled {
                let target = time.now + .milliseconds(10)
                time.advance(by: .milliseconds(10))
                repeat { await Task.yield() } while time.now < target && !Task.isCancelled
                fixture.clock.advance(by: .milliseconds(10))
            }
        }
        await withTaskGroup { group in
            for _ in 0..<3 {
                var own = SeededGenerator(seed: generator.next())
                group.addTask {
                    for _ in 0..<6 { await carryOut(Step.allCases.randomElement(using: &own)!, fixture, &own) }
                }
            }
        }
        try await fixture.call.join()
        await fixture.call.leave()
        fixture.expectLeft()
        #expect(hardware.watch.listeners == 0, "seed \(seed)")
        // The next join works on what is there.
        for device in hardware.hardware {
            device.resume()
            device.plugIn()
        }
        try await fixture.call.join()
        await fixture.running()
        await fixture.client.close()
        ticker.cancel()
        await ticker.value
        #expect(hardware.hardware.allSatisfy { !$0.isOpen && $0.opens == $0.closes }, "seed \(seed)")
        #expect(fixture.call.lifecycleIsIdle && fixture.call.sessions.childCount == 0, "seed \(seed)")
    }

    private func carryOut(_ step: Step, _ fixture: Fixture, _ generator: inout SeededGenerator) async {
        let call = fixture.call
        let managers: [any DeviceManager] = [call.microphone, call.speaker, call.camera]
        let manager = managers.randomElement(using: &generator)!
        let device = fixture.hardware.hardware.randomElement(using: &generator)!
        switch step {
        case .join: try? await call.join()
        case .leave: await call.leave()
        case .reset: await manager.reset()
        case .resetAll: await call.media.reset()
        case .select:
            if let id = try? await manager.devices().randomElement(using: &generator) { try? await manager.select(id) }
        case .unselect: try? await manager.select(nil)
        case .toggle: try? await manager.toggle()
        case .volume: try? await call.speaker.setVolume(.random(in: 0...100, using: &generator))
        case .speakerphone: try? await call.speaker.setSpeakerphone(.random(using: &generator))
        case .flip: try? await call.camera.flip()
        case .unplug, .unplugMore: device.unplug()
        case .plugIn, .plugInMore: device.plugIn()
        case .stall: device.stall()
        case .resume: device.resume()
        case .busy: device.failNextStarts(.random(in: 1...3, using: &generator), with: .busy)
        case .jack: fixture.hardware.watch.tell(DeviceSignal(.sound, .controlsChanged, "board: Headphone Jack"))
        case .woke: fixture.hardware.watch.tell(DeviceSignal(.machine, .woke, "after 3600000 ms"))
        }
    }
}
