import Scopes
import Testing

@Suite("Scope")
struct ScopeTests {
    @Test("a child runs, ends and leaves the scope", .timeLimit(.minutes(1)))
    func childRuns() async throws {
        let scope = Scope("s")
        let log = Log()
        let gate = Gate()
        let job = try scope.launch("a") {
            await gate.wait()
            log.add("ran")
        }
        #expect(job.isActive)
        #expect(scope.childCount == 1)
        gate.open()
        await job.wait()
        #expect(!job.isActive)
        #expect(log.all == ["ran"])
        #expect(scope.childCount == 0)
    }

    @Test("a child that cancels and waits for its own scope does not deadlock", .timeLimit(.minutes(1)))
    func selfWait() async throws {
        let scope = Scope("s")
        let log = Log()
        try scope.launch("other") {
            await untilCancelled()
            log.add("other ended")
        }
        let job = try scope.launch("self") {
            await scope.cancelAndWait()
            log.add("waited")
        }
        await job.wait()
        #expect(log.all == ["other ended", "waited"])
    }
}
