import ALSA
import Foundation
import Glibc
import Media
import Synchronization
import Testing

/// Both directions of `ideal`, and each with a ring of its own.
private func device(_ card: IdealCard, _ direction: AudioDirection) async throws -> any AudioDevice {
    try await ALSADevices().device(card.id, direction)
}

private func ring() -> AudioRing { AudioRing(format: AudioFormat(), capacity: 1 << 20) }

private func median(_ durations: [Duration]) -> Duration { durations.sorted()[durations.count / 2] }

/// Waits until a condition holds; every one of these is reached within some periods of the card.
private func until(_ isTrue: () -> Bool) async throws {
    while !isTrue() { try await Task.sleep(for: .milliseconds(1)) }
}

extension OnIdealCards {
    @Suite(.timeLimit(.minutes(1))) struct Faults {
        @Test(arguments: AudioDirection.allCases, [Duration.milliseconds(10), .milliseconds(200), .seconds(1)])
        func `A stop waits for nothing, however long the period`(
            _ direction: AudioDirection, _ period: Duration
        ) async throws {
            let card = IdealCard("ideal")
            let device = try await device(card, direction)
            var options = AudioStreamOptions()
            options.period = period
            options.firstBlock = period
            for standby in StandbyPolicy.allCases {
                var durations: [Duration] = []
                for _ in 0..<9 {
                    _ = try await device.start(ring(), options: options) { _ in }
                    let before = MonotonicInstant.now()
                    await device.stop(standby)
                    durations.append(MonotonicInstant.now() - before)
                }
                #expect(median(durations) < .milliseconds(5))
            }
            await device.stop(.release)
            #expect(card.openHandles == 0)
        }

        @Test(arguments: AudioDirection.allCases)
        func `A device that goes away ends the stream once, within a period, and is closed`(
            _ direction: AudioDirection
        ) async throws {
            let card = IdealCard("ideal")
            let device = try await device(card, direction)
            let log = EventLog()
            _ = try await device.start(ring(), options: AudioStreamOptions(), onEvent: log.record)
            try await until { device.statistics.periods > 2 }
            let unplugged = MonotonicInstant.now()
            card.vanished = true
            let (event, at) = await log.wait { $0.end != nil }
            #expect(event.end?.code == .disconnected)
            #expect(event.end?.device == "ideal")
            #expect(at - unplugged < .milliseconds(60), "a period of 10 ms, and what the scheduler takes")
            #expect(card.openHandles == 0)

            // Absent it cannot be started; back, it can, on the same object.
            await #expect { _ = try await device.start(ring(), options: AudioStreamOptions()) { _ in } } throws: {
                ($0 as? DeviceError)?.code == .noDevice
            }
            card.vanished = false
            let after = RingReader()
            _ = try await device.start(after.ring, options: AudioStreamOptions()) { _ in }
            try await until { device.statistics.periods > 2 }
            await device.stop(.release)
            after.end()
            #expect(log.all.count == 1)
            #expect(card.openHandles == 0)
        }

        @Test func `A warm handle whose device went away is not used again`() async throws {
            let card = IdealCard("ideal")
            let device = try await device(card, .capture)
            _ = try await device.start(ring(), options: AudioStreamOptions()) { _ in }
            await device.stop(.warm)
            card.vanished = true
            await #expect { _ = try await device.start(ring(), options: AudioStreamOptions()) { _ in } } throws: {
                ($0 as? DeviceError)?.code == .noDevice
            }
            #expect(card.openHandles == 0)
            card.vanished = false
            let info = try await device.start(ring(), options: AudioStreamOptions()) { _ in }
            #expect(!info.reused)
            await device.stop(.release)
        }

        @Test(arguments: AudioDirection.allCases)
        func `An xrun is recovered, counted and told`(_ direction: AudioDirection) async throws {
            let card = IdealCard("ideal")
            let device = try await device(card, direction)
            let log = EventLog()
            let reader = RingReader()
            let ring = direction == .capture ? reader.ring : ring()
            _ = try await device.start(ring, options: AudioStreamOptions(), onEvent: log.record)
            try await until { device.statistics.periods > 2 }
            card.makeXrun()
            _ = await log.wait(\.isRecovery)
            let periods = device.statistics.periods
            try await until { device.statistics.periods > periods + 2 }
            await device.stop(.release)
            reader.end()
            #expect(device.statistics.xruns >= 1)
            if direction == .capture { #expect(reader.blocks.contains { $0.isAfterGap }) }
        }

        @Test func `A process that stands still for longer than the buffer goes on, and says how long`() async throws {
            let card = IdealCard("ideal")
            let device = try await device(card, .capture)
            let log = EventLog()
            let reader = RingReader(channels: 2)
            _ = try await device.start(reader.ring, options: AudioStreamOptions(), onEvent: log.record)
            await reader.wait(frames: 960)
            // For the stream it is the same whether it stood still or the clock ran: the buffer is overrun.
            card.speed = 1_000
            _ = await log.wait(\.isRecovery)
            card.speed = 0
            await reader.wait(more: 960)
            await device.stop(.release)
            reader.end()
            #expect(card.openHandles == 0)
            #expect(device.statistics.xruns >= 1)
        }

        @Test func `Many xruns are told a few times a second`() async throws {
            let card = IdealCard("ideal")
            let device = try await device(card, .capture)
            let log = EventLog()
            let before = MonotonicInstant.now()
            _ = try await device.start(ring(), options: AudioStreamOptions(), onEvent: log.record)
            for round in 1...20 {
                card.makeXrun()
                try await until { device.statistics.xruns >= round }
                // It runs again, so that the next one is another.
                let periods = device.statistics.periods
                try await until { device.statistics.periods > periods }
            }
            // The last of them is told too, when its turn comes.
            _ = await log.wait { if case .recovered(let xruns, _) = $0 { xruns >= 20 } else { false } }
            await device.stop(.release)
            let seconds = (MonotonicInstant.now() - before).milliseconds / 1_000
            #expect(Double(log.all.count) <= 2 + 4 * seconds)
        }

        @Test func `A device that xruns after every restart is given up, without using up the processor`() async throws
        {
            let card = IdealCard("ideal")
            card.alwaysXruns = true
            let device = try await device(card, .capture)
            let log = EventLog()
            _ = try await device.start(ring(), options: AudioStreamOptions(), onEvent: log.record)
            let (event, _) = await log.wait { $0.end != nil }
            card.alwaysXruns = false
            #expect(event.end?.code == .failed)
            #expect(device.statistics.wakeUps < 60)
            #expect(card.openHandles == 0)
            await device.stop(.release)
        }

        @Test(arguments: [false, true])
        func `A suspend is slept through, by a resume or by starting anew`(_ resumeFails: Bool) async throws {
            let card = IdealCard("ideal")
            card.resumeFails = resumeFails
            let device = try await device(card, .capture)
            let log = EventLog()
            let reader = RingReader()
            _ = try await device.start(reader.ring, options: AudioStreamOptions(), onEvent: log.record)
            await reader.wait(frames: 960)
            card.suspended = true
            try await until { device.statistics.suspends == 1 }
            try await Task.sleep(for: .milliseconds(60))
            card.suspended = false
            let (event, _) = await log.wait(\.isRecovery)
            await reader.wait(more: 960)
            await device.stop(.release)
            reader.end()
            card.resumeFails = false
            guard case .recovered(_, let gap) = event else { return }
            #expect(gap >= .milliseconds(50))
            #expect(device.statistics.suspends == 1)
            #expect(reader.blocks.contains { $0.isAfterGap })
        }

        @Test(arguments: AudioDirection.allCases)
        func `A stall is told once, and its end`(_ direction: AudioDirection) async throws {
            let card = IdealCard("ideal")
            let device = try await device(card, direction)
            let log = EventLog()
            var options = AudioStreamOptions()
            options.stallAfter = .milliseconds(150)
            _ = try await device.start(ring(), options: options, onEvent: log.record)
            try await until { device.statistics.periods > 2 }
            card.stalled = true
            let before = device.statistics.wakeUps
            let (event, _) = await log.wait { $0.stall != nil }
            #expect(event.stall?.code == .stalled)
            #expect(device.statistics.wakeUps - before < 40, "a stalled device is waited for, not asked")
            card.stalled = false
            _ = await log.wait { $0 == .resumed }
            await device.stop(.release)
            #expect(log.all.filter { $0.event.stall != nil }.count == 1)
        }

        @Test func `A device that never delivers is told from one that stops`() async throws {
            let card = IdealCard("ideal")
            card.stalled = true
            let device = try await device(card, .capture)
            let log = EventLog()
            var options = AudioStreamOptions()
            options.stallAfter = .milliseconds(100)
            _ = try await device.start(ring(), options: options, onEvent: log.record)
            let (event, _) = await log.wait { $0.stall != nil }
            #expect(event.stall?.code == .neverStarted)
            let before = MonotonicInstant.now()
            await device.stop(.release)
            #expect(MonotonicInstant.now() - before < .milliseconds(100))
            card.stalled = false
            #expect(card.openHandles == 0)
        }
    }
}

extension OnIdealCards.Faults {
    @Test func `A microphone's thread that comes more than a period too late is counted`() async throws {
        let card = IdealCard("ideal")
        card.slowness = 4
        let drain = SlowDrain()
        let device = try await device(card, .capture)
        _ = try await device.start(drain.ring, options: AudioStreamOptions()) { _ in }
        try await until { device.statistics.periods > 5 }
        let before = device.statistics.late
        // A period is 40 ms now.
        drain.sleep(milliseconds: 120)
        try await until { device.statistics.late > before }
        let periods = device.statistics.periods
        try await until { device.statistics.periods > periods + 5 }
        await device.stop(.release)
        #expect(device.statistics.late == before + 1)
        #expect(before == 0)
        #expect(device.statistics.xruns == 0)
        card.slowness = 0
    }

    @Test(arguments: [0, 3])
    func `A speaker's thread that comes more than a period too late is counted, with an xrun or without`(
        _ headroom: Int
    ) async throws {
        let card = IdealCard("ideal")
        card.slowness = 8
        let feed = SlowFeed()
        let device = try await device(card, .playback)
        var options = AudioStreamOptions()
        options.headroom = headroom
        _ = try await device.start(feed.ring, options: options) { _ in }
        try await until { device.statistics.periods > 5 }
        let before = device.statistics.late
        // A block is 80 ms now, and half a reserve of four may be waited for: late is more than three, empty is four.
        feed.sleep(milliseconds: 280)
        try await until { device.statistics.late > before }
        await device.stop(.release)
        #expect(before == 0)
        #expect((device.statistics.xruns > 0) == (headroom == 0))
        card.slowness = 0
    }
}

/// Holds up the device's thread once when told to.
private final class SlowDrain: AudioDrain {
    let ring = AudioRing(format: AudioFormat(), capacity: 96_000, wakeConsumerAt: .max)
    private let pause = Atomic<UInt32>(0)

    init() { ring.drain = self }

    func sleep(milliseconds: UInt32) { pause.store(milliseconds, ordering: .releasing) }

    func soundCaptured() {
        ring.drainAll()
        usleep(1_000 * pause.exchange(0, ordering: .acquiringAndReleasing))
    }
}

/// The same for a speaker, which it gives nothing.
private final class SlowFeed: AudioFeed {
    let ring = AudioRing(format: AudioFormat(), capacity: 9_600, wakeConsumerAt: .max)
    private let pause = Atomic<UInt32>(0)

    init() { ring.feed = self }

    func sleep(milliseconds: UInt32) { pause.store(milliseconds, ordering: .releasing) }

    func soundNeeded(_ sampleFrames: Int, by deadline: MonotonicInstant, isDue: Bool) -> Bool {
        usleep(1_000 * pause.exchange(0, ordering: .acquiringAndReleasing))
        return false
    }
}
