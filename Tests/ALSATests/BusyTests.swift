@testable import ALSA
import Foundation
import Media
import Testing

private func ring() -> AudioRing { AudioRing(format: AudioFormat(), capacity: 48_000) }

extension OnIdealCards {
    @Suite(.timeLimit(.minutes(1))) struct Busy {
        @Test func `A device that becomes free within the retry is started`() async throws {
            let card = IdealCard("ideal")
            let device = try await microphone(card)
            card.busyUntil = MonotonicInstant.now().nanoseconds + 80_000_000
            let before = MonotonicInstant.now()
            _ = try await device.start(ring(), options: AudioStreamOptions()) { _ in }
            #expect(MonotonicInstant.now() - before >= .milliseconds(70))
            await device.stop(.release)
        }

        @Test func `A device that stays taken is an error that names it, after the retry`() async throws {
            let card = IdealCard("ideal")
            card.busy = true
            let device = try await microphone(card)
            var options = AudioStreamOptions()
            options.busyRetry = .milliseconds(60)
            let before = MonotonicInstant.now()
            await #expect { _ = try await device.start(ring(), options: options) { _ in } } throws: { error in
                guard let error = error as? DeviceError else { return false }
                return error.code == .busy && error.device == "ideal"
                    && error.description.contains("snd_pcm_open(ideal)")
            }
            #expect(MonotonicInstant.now() - before >= .milliseconds(60))
            card.busy = false
            #expect(card.openHandles == 0)
        }

        @Test func `Cancelling the task ends the retry and leaves the device closed`() async throws {
            let card = IdealCard("ideal")
            card.busy = true
            let device = try await microphone(card)
            var options = AudioStreamOptions()
            options.busyRetry = .seconds(30)
            let start = Task { [options] in try await device.start(ring(), options: options) { _ in } }
            try await Task.sleep(for: .milliseconds(30))
            start.cancel()
            await #expect { _ = try await start.value } throws: { ($0 as? DeviceError)?.code == .cancelled }
            card.busy = false
            try await Task.sleep(for: .milliseconds(30))
            #expect(card.openHandles == 0)
        }

        @Test func `A task cancelled before the start opens nothing`() async throws {
            let card = IdealCard("ideal")
            let device = try await microphone(card)
            let opens = card.opens
            let start = Task {
                while !Task.isCancelled { await Task.yield() }
                return try await device.start(ring(), options: AudioStreamOptions()) { _ in }
            }
            start.cancel()
            await #expect { _ = try await start.value } throws: { ($0 as? DeviceError)?.code == .cancelled }
            #expect(card.opens == opens)
        }

        @Test func `A stop ends the retry of a start`() async throws {
            let card = IdealCard("ideal")
            card.busy = true
            let device = try await microphone(card)
            var options = AudioStreamOptions()
            options.busyRetry = .seconds(30)
            let start = Task { [options] in try await device.start(ring(), options: options) { _ in } }
            try await Task.sleep(for: .milliseconds(30))
            await device.stop(.release)
            await #expect { _ = try await start.value } throws: { ($0 as? DeviceError)?.code == .cancelled }
            card.busy = false
        }

        @Test func `A device in use is told as busy, one that is not as free`() async throws {
            let card = IdealCard("ideal")
            let devices = ALSADevices()
            #expect(try await devices.occupant(of: card.id, .capture) == .free)
            let device = try await microphone(card)
            _ = try await device.start(ring(), options: AudioStreamOptions()) { _ in }
            #expect(try await devices.occupant(of: card.id, .capture) == .busy([]))
            await device.stop(.warm)
            #expect(try await devices.occupant(of: card.id, .capture) == .busy([]))
            await device.stop(.release)
            #expect(try await devices.occupant(of: card.id, .capture) == .free)
        }

        @Test func `The program that holds a file is found by its name`() throws {
            let file = FileManager.default.temporaryDirectory.appending(path: "held-\(UUID())")
            #expect(FileManager.default.createFile(atPath: file.path(), contents: nil))
            defer { try? FileManager.default.removeItem(at: file) }
            let holder = Process()
            holder.executableURL = URL(filePath: "/usr/bin/sleep")
            holder.arguments = ["60"]
            holder.standardInput = try FileHandle(forReadingFrom: file)
            try holder.run()
            defer { holder.terminate() }
            let occupants = Occupants.holders(ofFile: file.path())
            #expect(occupants.contains(DeviceOccupant(name: "sleep", pid: holder.processIdentifier)))
        }

        @Test func `A device that is let go while it runs is closed`() async throws {
            let card = IdealCard("ideal")
            var device: (any AudioDevice)? = try await microphone(card)
            _ = try await device?.start(ring(), options: AudioStreamOptions()) { _ in }
            #expect(card.openHandles == 1)
            device = nil
            while card.openHandles > 0 { try await Task.sleep(for: .milliseconds(1)) }
        }
    }
}
