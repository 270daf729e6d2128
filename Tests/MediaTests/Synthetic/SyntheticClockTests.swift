import Media
import Testing

@Suite("SyntheticClock")
struct SyntheticClockTests {
    @Test("time passes only when a test says so")
    func now() {
        let clock = SyntheticClock(now: MonotonicInstant(nanoseconds: 5))
        #expect(clock.now.nanoseconds == 5)
        clock.advance(by: .nanoseconds(37))
        clock.advance(by: .zero)
        #expect(clock.now.nanoseconds == 42)
        #expect(SyntheticTiming.manual(clock).now == clock.now)
    }

    @Test("periods of all devices happen in the order of their times, each at its own time")
    func order() async throws {
        let clock = SyntheticClock()
        let start = clock.now
        let devices = SyntheticDeviceSystem(timing: .manual(clock))
        let seen = Collected<Duration>()
        _ = try await devices.cameras.all[0].start(
            VideoTarget(width: 320, height: 180, framesPerSecond: 10), deliver: { _ in seen.add(clock.now - start) },
            onEvent: { _ in })
        _ = try await devices.cameras.all[1].start(
            VideoTarget(width: 320, height: 180, framesPerSecond: 15), deliver: { _ in seen.add(clock.now - start) },
            onEvent: { _ in })
        clock.advance(by: .milliseconds(200))
        #expect(seen.all.map { Int($0.milliseconds) } == [66, 100, 133, 199, 200])
        #expect(clock.now - start == .milliseconds(200))
    }

    @Test("advancing inside a period makes the advance longer, and does not nest")
    func reentrant() async throws {
        let clock = SyntheticClock()
        let start = clock.now
        let camera = SyntheticVideoDevices.cameras(timing: .manual(clock)).first
        let seen = Collected<UInt32>()
        _ = try await camera.start(
            VideoTarget(width: 320, height: 180, framesPerSecond: 10),
            deliver: { frame in
                seen.add(frame.sequence)
                if frame.sequence == 0 { clock.advance(by: .milliseconds(200)) }
            }, onEvent: { _ in })
        clock.advance(by: .milliseconds(100))
        #expect(seen.all == [0, 1, 2])
        #expect(clock.now - start == .milliseconds(300))
    }

    @Test("a stopped device takes no part any more")
    func stopped() async throws {
        let clock = SyntheticClock()
        let microphone = SyntheticMicrophone(timing: .manual(clock))
        let ring = AudioRing(format: AudioFormat(), capacity: 4800)
        _ = try await microphone.start(ring, options: AudioStreamOptions(), onEvent: { _ in })
        clock.advance(by: .milliseconds(20))
        await microphone.stop(.release)
        let written = ring.totalWritten
        clock.advance(by: .seconds(1))
        #expect(ring.totalWritten == written)
    }
}
