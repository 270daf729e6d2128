import Scopes
import Synchronization
import Testing

/// Waits that would be for ever if a child waited for itself, or two for each other.
@Suite("Scope: waits of children", .timeLimit(.minutes(1)))
struct ScopeWaitCycleTests {
    /// How a child comes to wait for its own scope.
    enum Way: String, CaseIterable, Sendable {
        case directly, fromChildTask, fromTaskGroup, fromUnstructuredTask, fromItsOwnJobsWait
    }

    @Test("a child that cancels and waits for its own scope waits for the others and goes on", arguments: Way.allCases)
    func ownScope(_ way: Way) async throws {
        let scope = ReusableScope("s")
        let log = Log()
        let gate = Gate()
        scope.launch("other") {
            log.add("other began")
            await gate.wait()
            log.add("other ended")
        }
        await log.wait(for: ["other began"])
        let job = scope.launch("self") {
            log.add("self began")
            switch way {
            case .directly: await scope.cancelAndWait()
            case .fromChildTask:
                async let wait: Void = scope.cancelAndWait()
                await wait
            case .fromTaskGroup:
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { await scope.cancelAndWait() }
                    group.addTask { await scope.cancelChildrenAndWait() }
                }
            case .fromUnstructuredTask: await Task { await scope.cancelAndWait() }.value
            case .fromItsOwnJobsWait:
                await scope.launch("inner") { await scope.cancelAndWait() }.wait()
            }
            log.add("self goes on")
        }
        await log.wait(for: ["self began"])
        // The wait inside ends only after this, or the log below tells.
        gate.open()
        await job.wait()
        #expect(log.all == ["other began", "self began", "other ended", "self goes on"])
    }

    @Test("two children that wait for their scope at once both go on")
    func twoAtOnce() async {
        for _ in 0..<200 {
            let scope = ReusableScope("s")
            let handle = scope.renew()
            let jobs = (0..<4).compactMap { _ in try? handle.launch { await scope.cancelAndWait() } }
            for job in jobs { await job.wait() }
            #expect(scope.childCount == 0)
        }
    }

    @Test("children of two scopes that wait for each other's scope both go on")
    func acrossScopes() async {
        for _ in 0..<200 {
            let first = ReusableScope("first")
            let second = ReusableScope("second")
            let jobs = [
                first.launch { await second.cancelAndWait() }, second.launch { await first.cancelAndWait() },
            ]
            for job in jobs { await job.wait() }
        }
    }

    @Test("a job's wait for itself returns at once")
    func ownJob() async {
        let scope = Scope("s")
        let job = Mutex<ScopeJob?>(nil)
        let gate = Gate()
        let launched = try? scope.launch {
            await gate.wait()
            await job.withLock { $0 }?.wait()
        }
        job.withLock { $0 = launched }
        gate.open()
        await launched?.wait()
    }

    @Test("a child launched from a child is waited for by a third: launching makes no bond")
    func launchedFromChild() async {
        let outer = ReusableScope("outer")
        let inner = ReusableScope("inner")
        let log = Log()
        let gate = Gate()
        outer.launch("launcher") {
            inner.launch("leaver") {
                log.add("leaver began")
                await outer.cancelAndWait()
                log.add("outer is over")
            }
            await gate.wait()
            log.add("launcher ended")
        }
        await log.wait(for: ["leaver began"])
        gate.open()
        await log.wait(for: ["outer is over"])
        #expect(log.all == ["leaver began", "launcher ended", "outer is over"])
        await inner.cancelAndWait()
    }

    @Test("a failure handler may have its scope waited for")
    func fromFailureHandler() async {
        let log = Log()
        let failed = StateFlow(false)
        let scope = ReusableScope("s") { _ in
            log.add("failed")
            failed.set(true)
        }
        let cleaner = Task {
            for await hasFailed in failed where hasFailed { break }
            await scope.cancelAndWait()
            log.add("cleaned up")
        }
        scope.launch { throw ExpectedFailure() }
        await cleaner.value
        #expect(log.all == ["failed", "cleaned up"])
    }
}
