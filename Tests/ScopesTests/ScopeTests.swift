import Scopes
import Synchronization
import Testing

@Suite("Scope", .timeLimit(.minutes(1)))
struct ScopeTests {
    @Test("launch returns before the operation runs, and the child leaves the scope when it ends")
    @MainActor
    func launchReturnsFirst() async throws {
        let scope = ReusableScope.main("s")
        let log = Log()
        // Children of this scope run on the main actor, which this test holds until it waits.
        let job = scope.launch("a") { log.add("ran") }
        #expect(job.isActive)
        #expect(job.name == "a")
        #expect(scope.childCount == 1)
        #expect(log.all == [])
        await job.wait()
        #expect(!job.isActive)
        #expect(scope.childCount == 0)
        #expect(log.all == ["ran"])
    }

    @Test("a cancelled scope refuses work for ever, and says which scope and what to do")
    func cancelIsPermanent() async {
        let scope = Scope("session")
        scope.cancel()
        #expect(scope.isCancelled)
        let error = #expect(throws: ScopeError.self) { try scope.launch {} }
        #expect(error?.code == .cancelled)
        #expect(error?.description == "session: the scope was cancelled. Make a new one, or use a ReusableScope.")
        await scope.cancelAndWait()
        #expect(throws: ScopeError.self) { try scope.launch {} }
    }

    @Test("a stale handle's error names the scope, both generations and what to do")
    func staleError() {
        let scope = ReusableScope("session")
        let handle = scope.renew()
        scope.cancel()
        scope.renew()
        let error = #expect(throws: ScopeError.self) { try handle.launch {} }
        #expect(
            error?.description
                == "session: generation 1 was cancelled (current: 2). "
                + "Read the scope's current handle at the moment work starts.")
    }

    @Test("cancelChildren leaves a scope usable")
    func cancelChildren() async throws {
        let scope = Scope("s")
        try scope.launch { await untilCancelled() }
        await scope.cancelChildrenAndWait()
        #expect(scope.childCount == 0)
        #expect(!scope.isCancelled)
        let log = Log()
        try await scope.launch { log.add("ran") }.wait()
        #expect(log.all == ["ran"])
    }

    @Test("a failure is told with the names of scope and child; a cancellation is none")
    func failures() async throws {
        let log = Log()
        let scope = Scope("s") { log.add($0.description) }
        try await scope.launch("bad") { throw ExpectedFailure() }.wait()
        try scope.launch("cancelled") {
            await untilCancelled()
            throw CancellationError()
        }
        await scope.cancelAndWait()
        #expect(log.all == ["s[0]/bad: ExpectedFailure()"])
    }

    @Test("a failure is told before the child counts as ended")
    func failureComesFirst() async throws {
        let log = Log()
        let scope = Scope("s") { _ in log.add("told") }
        try scope.launch {
            await untilCancelled()
            throw ExpectedFailure()
        }
        // The child is in its loop or has not begun; then it takes no step.
        await scope.cancelAndWait()
        #expect(log.all.count <= 1)
        #expect(scope.childCount == 0)
    }

    @Test("a child cancelled before its first step takes none")
    @MainActor
    func cancelledBeforeFirstStep() async {
        let scope = ReusableScope.main("s")
        let log = Log()
        let job = scope.launch { log.add("ran") }
        scope.cancel()
        await job.wait()
        #expect(log.all == [])
    }

    @Test("waiting is not cut short by cancellation of the waiter")
    func waitIsNotCutShort() async throws {
        let scope = Scope("s")
        let log = Log()
        let gate = Gate()
        let job = try scope.launch {
            log.add("began")
            await gate.wait()
            log.add("ended")
        }
        await log.wait(for: ["began"])
        let waiters = [
            Task { await scope.cancelAndWait() }, Task { await scope.cancelChildrenAndWait() },
            Task { await job.wait() },
        ]
        for waiter in waiters { waiter.cancel() }
        let opener = Task {
            // Gives the waiters every chance to return early.
            for _ in 0..<1000 { await Task.yield() }
            gate.open()
        }
        for waiter in waiters {
            await waiter.value
            #expect(log.all == ["began", "ended"])
        }
        await opener.value
    }

    @Test("a scope that nobody refers to any more cancels its children")
    func deinitCancels() async throws {
        var scope: Scope? = Scope("s")
        weak let weakScope = scope
        let job = try #require(try scope?.launch { await untilCancelled() })
        scope = nil
        #expect(weakScope == nil)
        await job.wait()

        var reusable: ReusableScope? = ReusableScope("r")
        let second = try #require(reusable?.launch { await untilCancelled() })
        reusable = nil
        await second.wait()
    }

    @Test("what an ended child captured is free when the wait is over, the scope too")
    func nothingLeaks() async throws {
        let census = Census()
        var scope: ReusableScope? = ReusableScope("s") { [member = census.member()] _ in _ = member }
        let jobs = (0..<100).map { index -> ScopeJob? in
            let member = census.member()
            return scope?.launch {
                if index % 3 == 0 { await untilCancelled() }
                if index % 3 == 1 { throw ExpectedFailure() }
                _ = member
            }
        }
        await scope?.cancelAndWait()
        // Jobs are still referred to; what they ran is not. One member is the failure handler's.
        #expect(census.alive == 1)
        weak let weakScope = scope
        scope = nil
        #expect(weakScope == nil)
        #expect(jobs.allSatisfy { $0?.isActive == false })
    }

    @Test("a child that launches the next, without end, leaves nothing of those before")
    func chain() async {
        let scope = ReusableScope("chain")
        let census = Census()
        let most = Atomic<Int>(0)
        let end = Gate()
        @Sendable func link(_ number: Int) {
            // Bound as the scope binds its own: what a child inherits must not grow with every generation.
            Heritage.$value.withValue(census.member()) {
                _ = scope.launch {
                    most.max(census.alive, ordering: .relaxed)
                    if number % 10 == 0 { scope.cancel() }
                    number < 2000 ? link(number + 1) : end.open()
                }
            }
        }
        link(0)
        await end.wait()
        await scope.cancelAndWait()
        #expect(scope.generation > 100)
        #expect(most.load(ordering: .relaxed) < 50)
    }

    private enum Heritage {
        @TaskLocal static var value: Census.Member?
    }

    @Test("children of the main variant run on the main actor, in the order of their launches")
    func mainActor() async {
        let scope = ReusableScope.main("m")
        for _ in 0..<100 {
            let log = Log()
            let jobs = await MainActor.run {
                (0..<20).map { number in
                    scope.launch {
                        MainActor.assertIsolated()
                        log.add("\(number)")
                    }
                }
            }
            for job in jobs { await job.wait() }
            #expect(log.all == (0..<20).map { "\($0)" })
        }
        let handle = scope.renew()
        await scope.cancelAndWait()
        #expect(!handle.isCurrent)
        #expect(throws: ScopeError.self) { try handle.launch {} }
        #expect(scope.current == nil)
        #expect(scope.renew().generation == 2)
    }
}
