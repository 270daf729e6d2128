@testable import ALSA
import Media
import Testing

extension OnIdealCards {
    @Suite struct Mixers {
        @Test(arguments: AudioDirection.allCases)
        func `A volume is set in dB on the card, and read back`(_ direction: AudioDirection) async throws {
            let card = IdealCard("ideal")
            let mixer = try #require(await ALSADevices().device(card.id, direction).mixer)
            for (volume, decibels) in [(100, 0), (50, -10), (25, -20), (0, -64)] {
                try await mixer.setVolume(volume)
                #expect((direction == .playback ? card.playbackVolume : card.captureVolume) == 64 + decibels)
                #expect(try await mixer.volume() == volume)
            }
        }

        @Test func `Muting is the card's switch, and leaves the volume alone`() async throws {
            let card = IdealCard("ideal")
            let mixer = try #require(await ALSADevices().device(card.id, .playback).mixer)
            try await mixer.setVolume(50)
            try await mixer.setMuted(true)
            #expect(!card.playbackSwitch)
            #expect(try await mixer.isMuted())
            try await mixer.setMuted(false)
            #expect(card.playbackSwitch)
            #expect(try await !mixer.isMuted())
            #expect(try await mixer.volume() == 50)
        }

        @Test(arguments: [-1, 101, Int.min, Int.max])
        func `A volume outside 0 to 100 is refused`(_ volume: Int) async throws {
            let card = IdealCard("ideal")
            let mixer = try #require(await ALSADevices().device(card.id, .playback).mixer)
            await #expect { try await mixer.setVolume(volume) } throws: {
                ($0 as? DeviceError)?.code == .invalidArgument
            }
        }

        @Test func `A card without a mixer has none, and one that goes away is an error`() async throws {
            let card = IdealCard("ideal")
            card.mixerless = true
            #expect(try await ALSADevices().device(card.id, .playback).mixer == nil)
            card.mixerless = false
            let mixer = try #require(await ALSADevices().device(card.id, .playback).mixer)
            card.vanished = true
            await #expect(throws: DeviceError.self) { try await mixer.setVolume(10) }
            card.vanished = false
            try await mixer.setVolume(100)
        }

        @Test(arguments: [(-6_400, 0), (-9_999_999, 0), (-1_200, 0), (0, 3_000), (-5_000, 1_200)])
        func `Volumes and gains map to each other, monotonically, end to end`(_ minimum: Int, _ maximum: Int) {
            let scale = VolumeScale(minimum: minimum, maximum: maximum)
            #expect(scale.gain(volume: 0) == minimum)
            #expect(scale.gain(volume: 100) == maximum)
            let gains = (0...100).map(scale.gain(volume:))
            #expect(gains == gains.sorted())
            for (volume, gain) in gains.enumerated() where gain > minimum {
                #expect(scale.volume(gain: gain) == volume)
            }
            if maximum - minimum > 2_400 { #expect(scale.gain(volume: 50) == maximum - 1_000, "half as loud") }
        }
    }
}
