import CTestSupport
import Glibc
import Media
import Synchronization
import TestSupport
import Testing

@Suite("Synthetic devices on their own threads", .timeLimit(.minutes(2)))
struct SyntheticRealTimeTests {
    @Test("a microphone delivers at its pace, all stamped from the start on")
    func microphone() async throws {
        let microphone = SyntheticMicrophone(sound: .stamps)
        let ring = AudioRing(format: AudioFormat(), capacity: 48_000)
        let before = MonotonicInstant.now()
        _ = try await microphone.start(ring, options: AudioStreamOptions(), onEvent: { _ in })
        while ring.totalWritten < 4800 { await waitForData(ring) }
        await microphone.stop(.release)
        let after = MonotonicInstant.now()
        let written = ring.totalWritten
        var expected: Int64?
        for (samples, read) in ring.readAll() {
            #expect(read.capturedAt >= before && read.capturedAt <= after)
            let first = SyntheticSound.sampleFrame(at: read.capturedAt + .microseconds(1), rate: 48_000)
            if let expected, !read.isAfterGap { #expect(abs(first - expected) <= 1) }
            #expect(abs(Int(samples[0]) - Int(Int16(truncatingIfNeeded: first))) <= 1 || first % 65_536 == 32_767)
            expected = first + Int64(read.sampleFrames)
        }
        // Never faster than the clock.
        #expect(Int64(written) <= (after - before).nanoseconds * 48_000 / 1_000_000_000 + 1)
        #expect(!microphone.hardware.isOpen)
    }

    @Test("microphone, speaker and camera start and stop without end; no handle, thread or event is left")
    func restarts() async throws {
        let devices = SyntheticDeviceSystem()
        let ring = AudioRing(format: AudioFormat(), capacity: 4800)
        let other = AudioRing(format: AudioFormat(), capacity: 4800)
        for round in 0..<100 {
            let standby: StandbyPolicy = round % 2 == 0 ? .release : .warm
            _ = try await devices.audio.microphone.start(ring, options: AudioStreamOptions(), onEvent: { _ in })
            _ = try await devices.audio.speaker.start(other, options: AudioStreamOptions(), onEvent: { _ in })
            _ = try await devices.cameras.first.start(
                VideoTarget(width: 320, height: 180, framesPerSecond: 30), deliver: { _ in }, onEvent: { _ in })
            if round % 10 == 0 { while ring.fill == 0 { await waitForData(ring) } }
            await devices.audio.microphone.stop(standby)
            await devices.audio.speaker.stop(standby)
            await devices.cameras.first.stop(standby)
            // Nobody but this task touches the ring now.
            ring.drainAll()
            #expect(devices.hardware.allSatisfy { !$0.isRunning })
        }
        for device in [devices.audio.microphone as any AudioDevice, devices.audio.speaker] {
            await device.stop(.release)
        }
        await devices.cameras.first.stop(.release)
        #expect(devices.hardware.allSatisfy { !$0.isOpen && $0.opens == $0.closes })
        #expect(devices.audio.microphone.hardware.starts == 100)
    }

    @Test("starts, stops and faults from many tasks leave every device closed")
    func manyTasks() async {
        var random = SeededGenerator.fromEnvironment("SyntheticRealTimeTests.manyTasks")
        let devices = SyntheticDeviceSystem()
        let seeds = (0..<6).map { _ in random.next() }
        await withTaskGroup(of: Void.self) { group in
            for seed in seeds {
                group.addTask {
                    var random = SeededGenerator(seed: seed)
                    let ring = AudioRing(format: AudioFormat(), capacity: 4800)
                    for _ in 0..<60 { await act(on: devices, ring, &random) }
                }
            }
        }
        await devices.audio.microphone.stop(.release)
        await devices.cameras.first.stop(.release)
        #expect(devices.hardware.allSatisfy { !$0.isOpen && !$0.isRunning && $0.opens == $0.closes })
    }

    private func act(on devices: SyntheticDeviceSystem, _ ring: AudioRing, _ random: inout SeededGenerator) async {
        let microphone = devices.audio.microphone
        let camera = devices.cameras.first
        switch Int.random(in: 0..<12, using: &random) {
        case 0..<3: _ = try? await microphone.start(ring, options: AudioStreamOptions(), onEvent: { _ in })
        case 3..<6:
            _ = try? await camera.start(
                VideoTarget(width: 320, height: 180, framesPerSecond: 30),
                deliver: { _ = TestPicture.counter(in: $0) }, onEvent: { _ in })
        case 6: await microphone.stop(.warm)
        case 7: await camera.stop(.release)
        case 8: microphone.hardware.unplug()
        case 9: microphone.hardware.plugIn()
        case 10:
            camera.hardware.unplug()
            camera.hardware.plugIn()
        default:
            _ = microphone.statistics
            _ = camera.statistics
        }
    }

    @Test("10,000 periods allocate nothing", .enabled(if: test_allocations(0) >= 0), arguments: AudioDirection.allCases)
    func allocations(_ direction: AudioDirection) async throws {
        let devices = SyntheticAudioDevices(recording: .seconds(60))
        let hardware = direction == .capture ? devices.microphone.hardware : devices.speaker.hardware
        let device = try await devices.device(hardware.id, direction)
        let ring = AudioRing(format: AudioFormat(), capacity: 48_000)
        var options = AudioStreamOptions()
        options.period = .microseconds(100)
        options.stallAfter = .zero
        // A device that begins stalled says so on its thread: that is how the thread is found.
        hardware.stall()
        let thread = Collected<Int32>()
        _ = try await device.start(ring, options: options) { event in
            if case .stalled = event { thread.add(test_thread()) }
        }
        let id = try #require(await thread.first { _ in true })
        hardware.resume()
        try await waitForPeriods(100, device, ring)
        let before = test_allocations(id)
        let periodsBefore = device.statistics.periods
        try await waitForPeriods(periodsBefore + 10_000, device, ring)
        let after = test_allocations(id)
        await device.stop(.release)
        #expect(before > 0)
        #expect(after == before)
    }

    /// Keeps a ring flowing until its device has done so many periods.
    private func waitForPeriods(_ count: Int64, _ device: any AudioDevice, _ ring: AudioRing) async throws {
        let isCapture = device.info.direction == .capture
        await DeviceThread(name: "other-end") { _ in
            var at = MonotonicInstant.now()
            while device.statistics.periods < count {
                if isCapture {
                    waitUntilSignalled(ring.dataReady)
                    _ = ring.readAll()
                } else {
                    if ring.fill < 4800 { _ = ring.write([Int16](repeating: 1, count: 4800), at: at) }
                    at = at + .milliseconds(100)
                    _ = usleep(10_000)
                }
            }
        }.join()
    }

    /// Returns when the ring says that there is something, without blocking a thread of the pool.
    private func waitForData(_ ring: AudioRing) async {
        await DeviceThread(name: "ring-waiter") { _ in waitUntilSignalled(ring.dataReady) }.join()
    }
}
