@testable import ALSA
import Foundation
import Media
import Testing

extension OnIdealCards {
    @Suite struct Devices {
        @Test(arguments: AudioDirection.allCases)
        func `The PCMs of the configuration are listed by name, one of them as the default, first`(
            _ direction: AudioDirection
        ) async throws {
            _ = IdealCard("ideal")
            let devices = try await ALSADevices().devices(direction)
            #expect(devices.contains { $0.id == "ideal" && $0.name == "Ideal card" && $0.direction == direction })
            #expect(devices.map(\.isDefault) == [true] + [Bool](repeating: false, count: devices.count - 1))
            #expect(Set(devices.map(\.id)).count == devices.count)
        }

        @Test func `An unknown name is an error that names the known ones`() async throws {
            _ = IdealCard("ideal")
            for name in ["nowhere", "hw:CARD=Nowhere,DEV=0", "", "ideal\0", "plughw:99"] {
                await #expect { _ = try await ALSADevices().device(DeviceID(name), .capture) } throws: { error in
                    guard let error = error as? DeviceError else { return false }
                    return error.code == .noDevice && error.description.contains("ideal-tone")
                }
            }
        }

        @Test func `What cannot be opened is an error with alsa-lib's words, and nothing is printed`() async throws {
            _ = IdealCard("ideal")
            let device = try await ALSADevices().device("broken", .playback)
            let ring = AudioRing(format: AudioFormat(), capacity: 4_800)
            let saved = dup(2)
            let printed = FileManager.default.temporaryDirectory.appending(path: "stderr-\(UUID())")
            #expect(FileManager.default.createFile(atPath: printed.path(), contents: nil))
            let file = try FileHandle(forWritingTo: printed)
            dup2(file.fileDescriptor, 2)
            var thrown: DeviceError?
            do throws(DeviceError) { _ = try await device.start(ring, options: AudioStreamOptions()) { _ in } } catch {
                thrown = error
            }
            dup2(saved, 2)
            close(saved)
            #expect(thrown?.device == "broken")
            #expect(thrown?.reason.contains("nonsense") == true)
            let text = try String(contentsOf: printed, encoding: .utf8)
            #expect(!text.contains("ALSA lib"))
            try FileManager.default.removeItem(at: printed)
        }

        @Test func `What a device offers is told`() async throws {
            let card = IdealCard("ideal-44100")
            let offered = try await ALSADevices().capabilities(of: card.id, .capture)
            #expect(offered.sampleFormats == ["S16_LE", "S32_LE", "FLOAT_LE", "S24_3LE"])
            #expect(offered.rates == [44_100])
            #expect(offered.channels == 1...2)
            #expect(offered.access == ["mmap", "rw"])
            #expect(offered.periodFrames.contains(441))
            #expect(card.openHandles == 0)
        }

        @Test(arguments: [
            ("hw:CARD=USB,DEV=1", "hw", "USB", 1), ("plughw:0,3", "plughw", "0", 3),
            ("sysdefault:Loopback", "sysdefault", "Loopback", 0),
            ("front:CARD=Intel", "front", "Intel", 0), ("hw:", "hw", "", 0), ("hw:CARD=USB,DEV=x", "hw", "USB", 0),
        ])
        func `A PCM name tells its card and device`(_ name: String, _ base: String, _ card: String, _ device: Int) {
            let parsed = PCMName(name)
            #expect(parsed.base == base)
            #expect(parsed.arguments?.card ?? "" == card)
            #expect(parsed.arguments?.device == device)
        }

        @Test(arguments: ["default", "pipewire", "", ","])
        func `A name without a colon has no card`(_ name: String) {
            #expect(PCMName(name).arguments == nil)
            #expect(HardwarePCM(name: name) == nil)
        }

        @Test(arguments: [
            (ENODEV, true, DeviceError.Code.disconnected), (ENODEV, false, .noDevice), (ENOENT, false, .noDevice),
            (EBUSY, false, .busy), (EACCES, false, .permissionDenied), (ENOSPC, false, .noBandwidth),
            (EINVAL, false, .unsupported), (EIO, true, .failed),
        ])
        func `An errno of alsa-lib becomes a code`(_ errno: Int32, _ inUse: Bool, _ code: DeviceError.Code) {
            let error = DeviceError.alsa("snd_pcm_open", "hw:2", status: -errno, inUse: inUse)
            #expect(error.code == code)
            #expect(error.errno == errno)
            #expect(error.description.hasPrefix("snd_pcm_open(hw:2): "))
        }

        @Test func `A PCM of a sound server is of that kind, and its types are followed through plug-ins`() {
            // From the system's configuration, whatever servers run.
            let kinds = [["plug", "pipewire"], ["pulse"], ["jack"]].map(Catalog.kind(ofTypes:))
            #expect(kinds == [.soundServer, .soundServer, .soundServer])
            #expect(Catalog.kind(ofTypes: ["plug", "bluealsa"]) == .bluetooth)
            #expect(Catalog.kind(ofTypes: ["plug", "dmix", "hw"]) == nil)
        }
    }
}
