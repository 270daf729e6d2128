import Foundation
import Scopes
import Synchronization
import TestSupport
import Testing

/// Many tasks launch, cancel, reuse and wait at random. What must hold: once somebody's `cancelAndWait` has returned,
/// no child of a generation that was there takes a step, and its handles refuse.
///
/// `REPRISE_SEED` repeats a run's choices (not its interleaving).
@Suite("Scope: stress", .timeLimit(.minutes(5)))
struct ScopeStressTests {
    static let firstSeed =
        ProcessInfo.processInfo.environment["REPRISE_SEED"].flatMap(UInt64.init)
        ?? UInt64.random(in: 0...UInt64(UInt32.max))

    @Test("no child of an old generation takes a step after the wait is over", arguments: 0..<3 as Range<UInt64>)
    func stress(_ run: UInt64) async {
        let seed = Self.firstSeed &+ run
        print("ScopeStressTests: REPRISE_SEED=\(Self.firstSeed), run \(run)")
        let stress = ScopeStress()
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<8 as Range<UInt64> {
                group.addTask { await stress.work(seed: seed &* 1000 &+ worker, steps: 500) }
            }
        }
        await stress.scope.cancelAndWait()
        #expect(stress.violations.all == [])
        #expect(stress.scope.childCount == 0)
        #expect(stress.census.alive == 0)
        #expect(stress.steps.load(ordering: .relaxed) > 0)
        #expect(stress.scope.generation > 10)
    }
}

private final class ScopeStress: Sendable {
    let scope = ReusableScope("stress")
    let census = Census()
    let violations = Log()
    let steps = Atomic<Int>(0)
    /// The newest generation that somebody has waited for to the end: it and all before must be still.
    private let stillUpTo = Atomic<Int>(0)

    func work(seed: UInt64, steps: Int) async {
        var random = SeededGenerator(seed: seed)
        var handles: [ScopeHandle] = []
        for _ in 0..<steps {
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<8:
                let handle = scope.renew()
                launch(handle, &random)
                if handles.count < 8 { handles.append(handle) }
            case 8..<11:
                // An old handle more often than not.
                if let handle = handles.randomElement(using: &random) { launch(handle, &random) }
            case 11..<13: scope.cancel()
            case 13: scope.cancelChildren()
            case 14: await scope.cancelChildrenAndWait()
            case 15..<17: await cancelAndWait()
            case 17: handles.removeAll()
            default: await Task.yield()
            }
        }
    }

    private func cancelAndWait() async {
        let generation = scope.generation
        await scope.cancelAndWait()
        stillUpTo.max(generation, ordering: .sequentiallyConsistent)
    }

    private func isStill(_ generation: Int) -> Bool {
        stillUpTo.load(ordering: .sequentiallyConsistent) >= generation
    }

    private func launch(_ handle: ScopeHandle, _ random: inout SeededGenerator) {
        let generation = handle.generation
        let length = Int.random(in: 0..<50, using: &random)
        let kind = Int.random(in: 0..<8, using: &random)
        let member = census.member()
        let wasStill = isStill(generation)
        do throws(ScopeError) {
            try handle.launch { [self] in
                _ = member
                for _ in 0..<length where !Task.isCancelled {
                    step(generation)
                    await Task.yield()
                }
                // Steps after the cancellation, as a child that cleans up takes them.
                for _ in 0..<3 {
                    step(generation)
                    await Task.yield()
                }
                // The last step of this child: others need not wait for it while it waits for them.
                if kind == 0 { await cancelAndWait() }
                if kind == 1 { throw ExpectedFailure() }
            }
            if wasStill { violations.add("generation \(generation) took work after the wait for it was over") }
        } catch {
            if error.code != .staleGeneration { violations.add("\(error)") }
        }
    }

    private func step(_ generation: Int) {
        steps.wrappingAdd(1, ordering: .relaxed)
        if isStill(generation) { violations.add("generation \(generation) took a step after the wait for it was over") }
    }
}
