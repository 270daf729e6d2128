import Foundation
import Media
import Reprise
import TestSupport
import Testing

/// `reset()`, `leave()`, rejoin, selection, mute and volume in random order while cards and cameras are really unplugged,
/// plugged in and held by others. REPRISE_FIRE_RUNS is the number of runs, REPRISE_FIRE_SEED the first one's seed.
@Suite("Reset under fire on real drivers", .enabled(if: DeviceLab.isHere), .serialized)
struct CallUnderFireTests {
    private enum Step: CaseIterable {
        case join, joinMore, leave, reset, resetAll, select, unselect, toggle, volume, speakerphone, flip
    }

    @Test("seeded runs end with nothing open, no thread left, and a join that works on what is there")
    func random() async throws {
        let environment = ProcessInfo.processInfo.environment
        let runs = Int(environment["REPRISE_FIRE_RUNS"] ?? "") ?? 25
        let base = UInt64(environment["REPRISE_FIRE_SEED"] ?? "") ?? UInt64.random(in: 0...UInt64.max)
        print("seed \(base), \(runs) runs")
        // It would be the only one left again and again, and a second is waited for it each time.
        #expect(await LabDevice.deadCard.pullOut().end() == nil)
        var slowest = Duration.zero
        for run in 0..<runs {
            let begun = MonotonicInstant.now()
            let seed = base &+ UInt64(run)
            let phases = try await runOnce(seed: seed)
            let took = MonotonicInstant.now() - begun
            slowest = max(slowest, took)
            if took > .seconds(5) { print("seed \(seed) took \(took.milliseconds) ms: \(phases)") }
            if run % 25 == 24 { print("\(run + 1) runs, the slowest \(slowest.milliseconds) ms") }
        }
        await LabDevice.deadCard.putBack()
    }

    /// - Returns: when its parts were over, in milliseconds from its beginning.
    private func runOnce(seed: UInt64) async throws -> [String] {
        let begun = MonotonicInstant.now()
        var phases: [String] = []
        func over(_ phase: String) { phases.append("\(phase) \(Int(MonotonicInstant.now().ms(since: begun)))") }
        var generator = SeededGenerator(seed: seed)
        let lab = try await CallInLab(
            .all, standby: Bool.random(using: &generator) ? .release : .warm, routing: CallInLab.recovering)
        let bench = FireBench()
        await withTaskGroup { group in
            for lane in 0..<3 {
                var own = SeededGenerator(seed: generator.next())
                group.addTask {
                    // The third lane pulls the cables; the other two are the people.
                    for _ in 0..<4 {
                        if lane == 2 {
                            await bench.carryOut(FireBench.Step.allCases.randomElement(using: &own)!, &own)
                        } else {
                            await carryOut(Step.allCases.randomElement(using: &own)!, lab, &own)
                        }
                    }
                }
            }
        }
        over("steps")
        await bench.letGo()
        try? await lab.call.join()
        expectTruth(lab, seed)
        over("join")
        let left = MonotonicInstant.now()
        await lab.call.leave()
        let took = MonotonicInstant.now() - left
        #expect(took < .seconds(5), "seed \(seed): the leave took \(took): \(trace(lab))")
        #expect(lab.managers.allSatisfy { $0.status == .notSelected }, "seed \(seed)")
        #expect(lab.call.state.connection.value == .idle, "seed \(seed)")
        await lab.call.media.reset()
        over("leave")
        await bench.putAllBack(seed)
        over("all back")

        // The next join works on what is there: the lab is whole again.
        try await lab.call.join()
        let works = await reached { lab.managers.allSatisfy { $0.status == .enabled } }
        let flows = await lab.flows()
        #expect(
            works && flows,
            """
            seed \(seed): \(lab.managers.map { "\($0.status), \($0.error?.description ?? "no error")" }), \
            \(String(describing: lab.call.statistics))
            """)
        over("whole again")
        await lab.call.leave()
        await lab.call.media.reset()
        await LeftBehind.expectNothing("seed \(seed)")
        over("left")
        return phases
    }

    private func trace(_ lab: CallInLab) -> String {
        let trace = lab.call.state.lastSession.value?.trace ?? []
        let first = trace.first?.at ?? .now()
        return trace.map { "\($0.at.ms(since: first)) \($0.name) \($0.detail)" }.joined(separator: "\n")
    }

    /// What a status says is true at any moment.
    private func expectTruth(_ lab: CallInLab, _ seed: UInt64) {
        for manager in lab.managers where manager.status == .enabled {
            #expect(lab.call.state.connection.value == .joined, "seed \(seed)")
            #expect(manager.selectedDevice != nil, "seed \(seed)")
        }
    }

    private func carryOut(_ step: Step, _ lab: CallInLab, _ generator: inout SeededGenerator) async {
        let call = lab.call
        let manager = lab.managers.randomElement(using: &generator)!
        switch step {
        case .join, .joinMore: try? await call.join()
        case .leave: await call.leave()
        case .reset: await manager.reset()
        case .resetAll: await call.media.reset()
        case .select:
            let choices: [DeviceID] = [
                "hw:CARD=Second,DEV=0", "hw:CARD=Intel,DEV=0", "/dev/video4", "hw:CARD=Nowhere,DEV=0",
            ]
            try? await manager.select(choices.randomElement(using: &generator)!)
        case .unselect: try? await manager.select(nil)
        case .toggle: try? await manager.toggle()
        case .volume: try? await call.speaker.setVolume(Int.random(in: 0...100, using: &generator))
        case .speakerphone: try? await call.speaker.setSpeakerphone(Bool.random(using: &generator))
        case .flip: try? await call.camera.flip()
        }
    }
}
