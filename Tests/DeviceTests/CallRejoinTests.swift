import Media
import Reprise
import Testing

@Suite("Leaving and rejoining on real drivers", .enabled(if: DeviceLab.isHere), .serialized)
struct CallRejoinTests {
    static let cycles = 50

    @Test(
        "fifty times, devices released: other programs can open them while left, and they start again",
        arguments: [CallInLab.Devices.all, .hda, .usb])
    func released(devices: CallInLab.Devices) async throws {
        let lab = try await CallInLab(devices, standby: .release)
        var sessions = Set<SessionID>()
        for cycle in 1...Self.cycles {
            try await lab.join()
            sessions.insert(lab.call.state.sessionID.value)
            #expect(lab.call.generation == cycle)
            await lab.leave()
            try await expectFree(devices)
        }
        #expect(sessions.count == Self.cycles, "a session id was used twice")
    }

    @Test("fifty times, devices kept warm: they stay taken, and start again", arguments: [CallInLab.Devices.all, .hda])
    func warm(devices: CallInLab.Devices) async throws {
        let lab = try await CallInLab(devices, standby: .warm)
        for cycle in 1...Self.cycles {
            try await lab.join()
            let statistics = try #require(lab.call.statistics)
            if cycle > 1 {
                #expect(statistics.microphone?.info.reused ?? true)
                #expect(statistics.camera?.info.reused ?? true)
            }
            await lab.leave()
        }
        for open in Self.openings(devices) {
            let result = try await DeviceLab.shell(open)
            #expect(result.status != 0, "a warm device is taken: \(open)")
        }
        await lab.call.media.reset()
        try await expectFree(devices)
    }

    @Test("what was captured before the join is never sent, by either policy", arguments: StandbyPolicy.allCases)
    func neverStale(standby: StandbyPolicy) async throws {
        let lab = try await CallInLab(.all, standby: standby)
        for _ in 1...10 {
            let asked = MonotonicInstant.now()
            try await lab.join()
            let statistics = try #require(lab.call.statistics)
            let sample = try #require(statistics.microphone?.stream.firstSampleAt)
            #expect(sample >= asked)
            let frame = try #require(statistics.camera?.stream.firstFrameAt)
            #expect(frame >= asked)
            await lab.leave()
        }
    }

    /// Another program takes each device and gets sound or a picture from it.
    private func expectFree(_ devices: CallInLab.Devices) async throws {
        let opening = Self.openings(devices).joined(separator: " && ")
        let result = try await DeviceLab.shell(opening)
        #expect(result.status == 0, "\(opening): \(result.errors)")
    }

    /// How another program opens each of the devices.
    static func openings(_ devices: CallInLab.Devices) -> [String] {
        let sound = "-q -f S16_LE -r 48000 -c 2 -s 480"
        var lines: [String] = []
        if let microphone = devices.microphone { lines.append("arecord -D \(microphone) \(sound) /dev/null") }
        if let speaker = devices.speaker { lines.append("aplay -D \(speaker) \(sound) /dev/zero") }
        if let camera = devices.camera {
            // v4l2-ctl ends with 0 also where the camera was busy: the picture tells.
            lines.append(
                "rm -f /run/picture; v4l2-ctl -d \(camera) --stream-mmap --stream-count=1 --stream-to=/run/picture "
                    + ">/dev/null && test -s /run/picture")
        }
        return lines
    }
}
