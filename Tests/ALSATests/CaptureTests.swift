import ALSA
import Foundation
import Media
import Testing

/// All suites of this target, one test at a time: the ideal cards keep real time, and each is one device.
@Suite(.serialized) struct OnIdealCards {}

func microphone(_ card: IdealCard) async throws -> any AudioDevice {
    try await ALSADevices().device(card.id, .capture)
}

/// The card frame of a stamped stereo sample, near `time`.
func frame(_ left: Int16, _ right: Int16) -> Int {
    Int(UInt16(bitPattern: left)) | Int(UInt16(bitPattern: right)) << 16
}

/// The low 32 bits of the card's frame number at a time.
func frame(at time: MonotonicInstant) -> Double {
    (Double(time.nanoseconds) * 48_000 / 1e9).truncatingRemainder(dividingBy: 4_294_967_296)
}

extension OnIdealCards {
    @Suite(.timeLimit(.minutes(1))) struct Capture {
        @Test func `Every sample comes once, in order, with the time it was captured`() async throws {
            let card = IdealCard("ideal")
            let reader = RingReader(channels: 2)
            let device = try await microphone(card)
            _ = try await device.start(reader.ring, options: AudioStreamOptions()) { _ in }
            await reader.wait(frames: 24_000)
            await device.stop(.release)
            reader.end()

            var next: Int?
            var errors: [Double] = []
            for block in reader.blocks {
                let first = frame(block.samples[0], block.samples[1])
                errors.append(abs(frame(at: block.capturedAt) - Double(first)))
                for index in stride(from: 0, to: block.samples.count, by: 2) {
                    let stamp = frame(block.samples[index], block.samples[index + 1])
                    if let next { #expect(block.isAfterGap || stamp == next) }
                    next = stamp + 1
                }
            }
            // The clock is read just after the position: the median is free of what came between on a loaded machine.
            #expect(errors.sorted()[errors.count / 2] <= 5, "sample frames between a stamp and the truth")
            #expect(reader.blocks.dropFirst().filter(\.isAfterGap).count == device.statistics.xruns)
        }

        @Test(arguments: StandbyPolicy.allCases)
        func `No sample is older than the start, however often it is restarted`(_ standby: StandbyPolicy) async throws {
            let card = IdealCard("ideal")
            let device = try await microphone(card)
            for round in 0..<20 {
                let reader = RingReader(channels: 2)
                let before = MonotonicInstant.now()
                let info = try await device.start(reader.ring, options: AudioStreamOptions()) { _ in }
                await reader.wait(frames: 240)
                await device.stop(standby)
                reader.end()
                let first = reader.blocks[0]
                #expect(Double(frame(first.samples[0], first.samples[1])) >= frame(at: before) - 1)
                #expect(first.capturedAt >= before)
                #expect(info.reused == (standby == .warm && round > 0))
                #expect(card.openHandles == (standby == .warm ? 1 : 0))
            }
            await device.stop(.release)
            #expect(card.openHandles == 0)
        }

        @Test func `The first block is short, the others are a period, a wake-up each`() async throws {
            let card = IdealCard("ideal")
            let reader = RingReader()
            let device = try await microphone(card)
            let info = try await device.start(reader.ring, options: AudioStreamOptions()) { _ in }
            await reader.wait(frames: 24_120)
            let statistics = device.statistics
            await device.stop(.release)
            reader.end()
            #expect(info.periodFrames == 480 && info.hardwarePeriodFrames == 120)
            // A late wake-up finds more; it never comes early.
            #expect((120..<480).contains(reader.blocks[0].samples.count))
            #expect(statistics.wakeUps <= 56, "50 periods of 10 ms")
        }

        @Test func `After a short first block, batches end at multiples of their length, a wake-up each`() async throws
        {
            let card = IdealCard("ideal")
            let drain = CountingDrain()
            var options = AudioStreamOptions()
            options.batch = .milliseconds(20)
            let device = try await microphone(card)
            _ = try await device.start(drain.ring, options: options) { _ in }
            await drain.wait(frames: 48_000)
            let statistics = device.statistics
            await device.stop(.release)
            let fills = drain.fills
            #expect((120..<960).contains(fills[0]))
            // As many as the sound's length says, one for the first block, and some for wake-ups that came late.
            #expect(statistics.wakeUps <= 50 + 6, "50 batches of 20 ms")
            // A late wake-up takes the sound that is there, and the next one is on time again.
            let whole = fills.count { $0.isMultiple(of: 960) }
            #expect(whole * 10 >= fills.count * 8, "\(fills)")
            let frames = drain.ring.totalWritten
            try await Task.sleep(for: .milliseconds(50))
            #expect(drain.ring.totalWritten == frames, "stopped")
        }

        struct Negotiated: CustomTestStringConvertible {
            var card: String
            var format: String
            var rate = 48_000
            var channels: Int
            var access = "mmap"
            var period = 480
            var ringChannels = 1
            var testDescription: String { "\(card) for \(ringChannels) channels" }
        }

        @Test(arguments: [
            Negotiated(card: "ideal", format: "S16_LE", channels: 1),
            Negotiated(card: "ideal", format: "S16_LE", channels: 2, ringChannels: 2),
            Negotiated(card: "ideal-rw", format: "S16_LE", channels: 1, access: "rw"),
            Negotiated(card: "ideal-s32", format: "S32_LE", channels: 1),
            Negotiated(card: "ideal-s24", format: "S24_3LE", channels: 1),
            Negotiated(card: "ideal-float", format: "FLOAT_LE", channels: 1),
            Negotiated(card: "ideal-mono", format: "S16_LE", channels: 1, ringChannels: 2),
            Negotiated(card: "ideal-stereo", format: "S16_LE", channels: 2),
            Negotiated(card: "ideal-four", format: "S16_LE", channels: 4),
            Negotiated(card: "ideal-44100", format: "S16_LE", rate: 44_100, channels: 1, period: 441),
            Negotiated(card: "ideal-16000", format: "S16_LE", rate: 16_000, channels: 1, period: 160),
            Negotiated(card: "ideal-480", format: "S16_LE", channels: 1),
        ])
        func `What the card has is negotiated and told`(_ expected: Negotiated) async throws {
            let card = IdealCard(expected.card)
            for direction in AudioDirection.allCases {
                let ring = AudioRing(format: AudioFormat(channels: expected.ringChannels), capacity: 48_000)
                let device = try await ALSADevices().device(card.id, direction)
                let info = try await device.start(ring, options: AudioStreamOptions()) { _ in }
                await device.stop(.release)
                #expect(info.sampleFormat == expected.format)
                #expect(info.rate == expected.rate)
                #expect(info.channels == expected.channels)
                #expect(info.access == expected.access)
                #expect(info.periodFrames == expected.period)
                #expect(info.bufferFrames >= 4 * info.periodFrames)
            }
        }

        @Test(arguments: ["ideal-s32", "ideal-s24", "ideal-float", "ideal-rw", "ideal-stereo", "ideal-four"])
        func `Samples of every format arrive unchanged`(_ name: String) async throws {
            let card = IdealCard(name)
            let reader = RingReader(channels: 2)
            let device = try await microphone(card)
            _ = try await device.start(reader.ring, options: AudioStreamOptions()) { _ in }
            await reader.wait(frames: 4_800)
            await device.stop(.release)
            reader.end()
            for block in reader.blocks {
                let first = frame(block.samples[0], block.samples[1])
                let stamps = stride(from: 0, to: block.samples.count, by: 2).map {
                    frame(block.samples[$0], block.samples[$0 + 1])
                }
                #expect(stamps == Array(first..<first + stamps.count))
            }
        }

        @Test(arguments: ["ideal-tone", "ideal-44100", "ideal-16000"])
        func `A tone keeps its pitch, level and phase, whatever the card's rate`(_ name: String) async throws {
            let card = IdealCard(name)
            let reader = RingReader()
            let device = try await microphone(card)
            let info = try await device.start(reader.ring, options: AudioStreamOptions()) { _ in }
            await reader.wait(frames: 24_000)
            await device.stop(.release)
            reader.end()

            // The card's tone is a function of time, so the phase of each block says how far its stamp is off.
            let errors = reader.blocks.dropFirst(4).map { block in
                let start = Double(block.capturedAt.nanoseconds % 1_000_000) / 1e6
                var sine = 0.0
                var cosine = 0.0
                for (index, sample) in block.samples.enumerated() {
                    let phase = 2 * .pi * (start + Double(index) / 48)
                    sine += Double(sample) * sin(phase)
                    cosine += Double(sample) * cos(phase)
                }
                return abs(atan2(cosine, sine)) / (2 * .pi * 1_000)
            }
            #expect(errors.sorted()[errors.count / 2] < 3 / Double(info.rate), "seconds: three of the card's frames")
            let samples = reader.blocks.dropFirst(4).flatMap(\.samples).prefix(19_200)
            let crossings = zip(samples, samples.dropFirst()).count { $0 < 0 && $1 >= 0 }
            #expect((399...401).contains(crossings), "1 kHz for 0.4 s")
            #expect((16_300...16_460).contains(samples.max() ?? 0))
        }
    }
}
