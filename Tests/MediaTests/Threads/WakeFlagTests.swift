import Media
import TestSupport
import Testing

@Suite("Wake flag")
struct WakeFlagTests {
    @Test("what was raised before the wait ends it, once")
    func raisedBefore() {
        let flag = WakeFlag()
        flag.raise()
        flag.raise()
        #expect(flag.wait(atMost: .zero))
        #expect(!flag.wait(atMost: .zero))
    }

    @Test("a wait ends with its time, and not before")
    func timeout() {
        let flag = WakeFlag()
        let begun = MonotonicInstant.now()
        #expect(!flag.wait(atMost: .milliseconds(20)))
        #expect(MonotonicInstant.now() - begun >= .milliseconds(20))
    }

    @Test("each raise after a wait wakes the thread that waits, whoever raises")
    func wakes() async {
        let (there, back) = (WakeFlag(), WakeFlag())
        let thread = DeviceThread(name: "waiter") { _ in
            for _ in 0..<1000 {
                there.wait()
                back.raise()
            }
        }
        let other = DeviceThread(name: "raiser") { _ in
            for _ in 0..<1000 {
                there.raise()
                back.wait()
            }
        }
        await thread.join()
        await other.join()
    }

    @Test("a wake-up without a descriptor is an error that says so; a flag needs none")
    func exhausted() async {
        await #expect(processExitsWith: .success) {
            let limit = DescriptorLimit()
            let error = #expect(throws: DeviceError.self) { _ = try Wakeup(for: "start(x)", "x") }
            #expect(error?.code == .failed && error?.advice?.contains("ulimit -n") == true)
            let flag = WakeFlag()
            flag.raise()
            #expect(flag.wait())
            limit.restore()
            _ = try Wakeup(for: "start(x)", "x")
        }
    }
}
