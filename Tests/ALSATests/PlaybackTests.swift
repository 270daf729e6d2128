import ALSA
import Foundation
import Media
import Testing

func speaker(_ card: IdealCard) async throws -> any AudioDevice {
    try await ALSADevices().device(card.id, .playback)
}

extension AudioRing {
    /// Producer: a block of sound.
    func fill(_ samples: [Int16], kind: AudioBlockKind = .sound) -> Bool {
        unsafe samples.withUnsafeBufferPointer { buffer in
            unsafe write(
                buffer.baseAddress!, sampleFrames: buffer.count / format.channels, capturedAt: .now(), kind: kind)
        }
    }
}

extension OnIdealCards {
    @Suite(.timeLimit(.minutes(1))) struct Playback {
        @Test(arguments: [
            "ideal", "ideal-rw", "ideal-s32", "ideal-s24", "ideal-float", "ideal-mono", "ideal-stereo", "ideal-four",
        ])
        func `What is in the ring is played once, in order, when it was told`(_ name: String) async throws {
            let card = IdealCard(name)
            let ring = AudioRing(format: AudioFormat(), capacity: 48_000)
            let sound = (1...9_600).map { Int16($0) }
            #expect(ring.fill(sound))
            let device = try await speaker(card)
            let info = try await device.start(ring, options: AudioStreamOptions()) { _ in }
            while ring.fill > 0 { try await Task.sleep(for: .milliseconds(10)) }
            // The last of it is still in the hardware's buffer.
            try await Task.sleep(for: .milliseconds(40))
            let statistics = device.statistics
            let started = card.startedFrame
            let played = (started..<started + 9_600).map { card.played(at: $0) }
            await device.stop(.release)
            if statistics.xruns == 0 {
                #expect(played == sound.map(Optional.some))
                let first = try #require(statistics.firstSampleAt)
                #expect(abs((first - card.startedAt).milliseconds) < 5)
            }
            #expect(info.periodFrames == 480)
        }

        @Test(arguments: StandbyPolicy.allCases)
        func `A start never xruns and never waits for sound`(_ standby: StandbyPolicy) async throws {
            let card = IdealCard("ideal")
            // A period lasts 40 ms, so that a busy machine is soon enough.
            card.slowness = 4
            let device = try await speaker(card)
            var dry = 0
            for round in 0..<8 {
                let ring = AudioRing(format: AudioFormat(), capacity: 4_800)
                let info = try await device.start(ring, options: AudioStreamOptions()) { _ in }
                #expect(info.reused == (standby == .warm && round > 0))
                while device.statistics.periods < 2 { try await Task.sleep(for: .milliseconds(5)) }
                if device.statistics.xruns > 0 { dry += 1 }
                await device.stop(standby)
                #expect(card.openHandles == (standby == .warm ? 1 : 0))
            }
            await device.stop(.release)
            // A wrong start runs dry each time; a machine that stands still for 80 ms, rarely.
            #expect(dry <= 2)
            #expect(card.openHandles == 0)
        }

        @Test func `An empty ring is silence, counted, and its producer is asked`() async throws {
            let card = IdealCard("ideal")
            let ring = AudioRing(format: AudioFormat(), capacity: 4_800, wakeProducerAt: 480)
            let device = try await speaker(card)
            _ = try await device.start(ring, options: AudioStreamOptions()) { _ in }
            #expect(ring.spaceReady.drain(), "asked while the hardware is filled for the start")
            while device.statistics.periods < 3 { try await Task.sleep(for: .milliseconds(5)) }
            #expect(device.statistics.firstSampleAt == nil)
            #expect(device.statistics.ringMisses >= 3 * 480)
            #expect(ring.fill([Int16](repeating: 1_000, count: 480)))
            while device.statistics.firstBlockAt == nil { try await Task.sleep(for: .milliseconds(5)) }
            let first = try #require(device.statistics.firstSampleAt)
            try await Task.sleep(for: .milliseconds(40))
            await device.stop(.release)
            let told = Int(first.nanoseconds * 48 / 1_000_000)
            let heard = (told - 480...told + 480).first { card.played(at: $0) == 1_000 }
            #expect(abs((heard ?? 0) - told) < 48)
        }

        @Test func `A feed is asked once for each 20 ms that it gives, and nothing of them is lost`() async throws {
            let card = IdealCard("ideal")
            // A period lasts 40 ms, so that a busy machine is soon enough.
            card.slowness = 4
            let feed = CountingFeed()
            var options = AudioStreamOptions()
            options.batch = .milliseconds(20)
            let device = try await speaker(card)
            _ = try await device.start(feed.ring, options: options) { _ in }
            while device.statistics.sampleFrames < 24_000 { try await Task.sleep(for: .milliseconds(10)) }
            let statistics = device.statistics
            let started = card.startedFrame
            await device.stop(.release)
            #expect(statistics.wakeUps <= 25 + 3, "25 batches of 20 ms")
            #expect(statistics.ringMisses <= 960, "silence before the first batch only")
            if statistics.xruns == 0 {
                let played = (started..<started + 19_200).compactMap { card.played(at: $0) }
                let first = try #require(played.firstIndex { $0 != 0 })
                let sound = played[first...].prefix(9_600)
                #expect(Array(sound) == (0..<sound.count).map { CountingFeed.sample($0) })
            }
        }

        @Test func `Sound that is late is waited for while the hardware has enough`() async throws {
            let card = IdealCard("ideal")
            card.slowness = 4
            // Gives nothing when asked first, and signals as a packet's arrival does.
            let feed = CountingFeed(isLate: true)
            var options = AudioStreamOptions()
            options.batch = .milliseconds(20)
            let device = try await speaker(card)
            _ = try await device.start(feed.ring, options: options) { _ in }
            while device.statistics.sampleFrames < 24_000 { try await Task.sleep(for: .milliseconds(10)) }
            let statistics = device.statistics
            await device.stop(.release)
            #expect(statistics.ringMisses <= 960, "what came in time was played")
            #expect(statistics.wakeUps <= 2 * 25 + 6, "one more for each that was late")
        }

        @Test(arguments: ["ideal-44100", "ideal-16000"])
        func `A tone keeps its pitch and level at the card's rate`(_ name: String) async throws {
            let card = IdealCard(name)
            let rate = name == "ideal-44100" ? 44_100 : 16_000
            let ring = AudioRing(format: AudioFormat(), capacity: 48_000)
            #expect(ring.fill((0..<24_000).map { Int16(16_000 * sin(2 * .pi * Double($0) / 48)) }))
            let device = try await speaker(card)
            let info = try await device.start(ring, options: AudioStreamOptions()) { _ in }
            while ring.fill > 0 { try await Task.sleep(for: .milliseconds(10)) }
            let started = card.startedFrame
            let samples = (started + rate / 50..<started + rate * 22 / 50).map { card.played(at: $0) ?? 0 }
            await device.stop(.release)
            #expect(info.rate == rate)
            let crossings = zip(samples, samples.dropFirst()).count { $0 < 0 && $1 >= 0 }
            #expect((419...421).contains(crossings) || device.statistics.xruns > 0, "1 kHz for 0.42 s")
            #expect((15_800...16_200).contains(samples.max() ?? 0))
        }
    }
}
