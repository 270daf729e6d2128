@testable import ALSA
import Foundation
import Media
import TestSupport
import Testing

extension OnIdealCards {
    @Suite(.timeLimit(.minutes(1))) struct Descriptors {
        @Test func `Without a descriptor the error says so, and not that there is no device; with some it starts`()
            async
        {
            await #expect(processExitsWith: .success) {
                let card = IdealCard("ideal")
                let device = try await ALSADevices().device(card.id, .capture)
                let info = try #require(try await ALSADevices().devices(.capture).first { $0.id == card.id })
                let ring = AudioRing(format: AudioFormat(), capacity: 48_000)
                let isTold = { (error: any Error) -> Bool in
                    guard let error = error as? DeviceError else { return false }
                    return error.code == .failed && error.errno == EMFILE
                        && error.description.contains("Too many open files") && error.advice?.contains("ulimit") == true
                }
                let limit = DescriptorLimit()
                await #expect { _ = try await device.start(ring, options: AudioStreamOptions()) { _ in } } throws: {
                    isTold($0)
                }
                await #expect { _ = try await ALSADevices().device(card.id, .capture) } throws: { isTold($0) }
                #expect(ALSADevices().known(info) == nil)
                limit.restore()
                _ = try await device.start(ring, options: AudioStreamOptions()) { _ in }
                await device.stop(.release)
                #expect(card.openHandles == 0)
            }
        }
    }
}
