import Media
import Testing

@Suite("One plugging is one event")
struct SignalDebounceTests {
    private func at(_ milliseconds: Int64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: milliseconds * 1_000_000)
    }

    @Test("What comes close together is one batch, each signal once, 20 ms after the last")
    func batch() {
        var debounce = SignalDebounce()
        #expect(debounce.deadline == nil && debounce.take(now: at(0)) == nil)
        debounce.add(DeviceSignal(.sound, .added, "card1"), now: at(0))
        debounce.add(DeviceSignal(.sound, .added, "pcmC1D0p"), now: at(15))
        debounce.add(DeviceSignal(.sound, .added, "card1"), now: at(16))
        #expect(debounce.take(now: at(35)) == nil)
        #expect(debounce.take(now: at(36))?.map(\.name) == ["card1", "pcmC1D0p"])
        #expect(debounce.deadline == nil)
    }

    @Test("Signals without end are told within 100 ms all the same")
    func endless() {
        var debounce = SignalDebounce()
        var told: [Int64] = []
        for time in Int64(0)..<400 {
            debounce.add(DeviceSignal(.video, .accessChanged, "video\(time)"), now: at(time))
            if debounce.take(now: at(time)) != nil { told.append(time) }
        }
        #expect(told.count >= 4 && zip(told, told.dropFirst()).allSatisfy { $1 - $0 <= 100 })
    }
}

@Suite("Synthetic devices tell of their plugging")
struct SyntheticWatchTests {
    @Test("Each plugging and unplugging is told once to each listener; a listener that ends is forgotten")
    func plugging() async {
        let system = SyntheticDeviceSystem()
        var first = system.watch.signals().makeAsyncIterator()
        do {
            _ = system.watch.signals()
            // A stream that nobody holds is over.
        }
        #expect(system.watch.listeners == 1)
        let hardware = system.cameras.first.hardware
        hardware.unplug()
        hardware.unplug()
        hardware.plugIn()
        #expect(await first.next() == DeviceSignal(.video, .removed, hardware.id.rawValue))
        #expect(await first.next() == DeviceSignal(.video, .added, hardware.id.rawValue))
    }
}
