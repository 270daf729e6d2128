@testable import ALSA
import Media
import Testing

@Suite struct RecoveryTests {
    /// Counters after so many periods.
    private func counters(periods: Int) -> StreamCounters {
        let counters = StreamCounters()
        for _ in 0..<periods { counters.moved(frames: 480, delay: 0) }
        return counters
    }

    @Test func `Gaps add up until they are told, each once`() {
        var recovery = Recovery()
        recovery.begins(at: 1_000, isSuspend: false, counters(periods: 1))
        recovery.ended(at: 1_500, lastSampleEnd: 900)
        #expect(recovery.isTellable(at: 1_500))
        #expect(recovery.told(at: 1_500) == 600)
        recovery.begins(at: 2_000, isSuspend: false, counters(periods: 2))
        recovery.ended(at: 2_200, lastSampleEnd: 2_000)
        #expect(!recovery.isTellable(at: 2_200), "a quarter of a second has not passed")
        // Nothing was moved in between: the gap goes on, and is not counted again from its beginning.
        recovery.begins(at: 2_300, isSuspend: false, counters(periods: 2))
        recovery.ended(at: 2_500, lastSampleEnd: 2_000)
        #expect(recovery.told(at: recovery.tellAt) == 500)
        #expect(recovery.told(at: recovery.tellAt) == 0)
    }

    @Test func `Recoveries that move nothing are counted, one that moves something starts anew`() {
        var recovery = Recovery()
        for round in 0..<5 {
            recovery.begins(at: 0, isSuspend: false, counters(periods: 3))
            #expect(recovery.fruitless == round)
        }
        recovery.begins(at: 0, isSuspend: false, counters(periods: 4))
        #expect(recovery.fruitless == 0)
    }

    @Test func `A suspend whose recovery was interrupted is one suspend`() {
        var recovery = Recovery()
        let counters = counters(periods: 1)
        recovery.begins(at: 0, isSuspend: true, counters)
        recovery.begins(at: 10, isSuspend: true, counters)
        #expect(counters.statistics.suspends == 1)
        recovery.ended(at: 20, lastSampleEnd: 0)
        recovery.begins(at: 30, isSuspend: true, counters)
        #expect(counters.statistics.suspends == 2)
    }
}
