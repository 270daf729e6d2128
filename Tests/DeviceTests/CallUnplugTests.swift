import Media
import Reprise
import Testing

@Suite("Unplugging in the middle of a call", .enabled(if: DeviceLab.isHere), .serialized)
struct CallUnplugTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var device: LabDevice
        var devices: CallInLab.Devices
        var testDescription: String { device.testDescription }
    }

    static let cases = [
        Case(device: .loopbackCard, devices: .loopback), Case(device: .hdaCard, devices: .hda),
        Case(device: .usbCard, devices: .usb), Case(device: .cameras, devices: .camera),
    ]

    @Test(
        "the call lives, the error is typed and visible, and a rejoin works once the device is back",
        arguments: cases, StandbyPolicy.allCases)
    func unplugged(test: Case, standby: StandbyPolicy) async throws {
        let lab = try await CallInLab(test.devices, standby: standby)
        // The host may still be putting back what a suite before had pulled out.
        try await lab.waitUntilThere()
        try await lab.join()

        let unplugging = test.device.pullOut()
        for manager in lab.managers {
            let isTold = await reached { manager.error != nil }
            #expect(isTold, "\(type(of: manager)) says nothing")
            #expect(manager.error?.code == .disconnected, "\(String(describing: manager.error))")
            #expect(manager.status == .disabled)
        }
        #expect(lab.call.state.connection.value == .joined)
        #expect(lab.call.state.errors.value.contains { $0.code == .device })
        // The kernel takes the device out when nobody holds it any more: this waits for ever if the call still does.
        #expect(await unplugging.end() == nil)
        await lab.leave()

        await test.device.putBack()
        try await lab.waitUntilThere()
        try await lab.join()
        await lab.leave()
    }

    @Test("a call joined without the device tells so, and has it at the next join after it was plugged in")
    func joinedWithout() async throws {
        let lab = try await CallInLab(.usb)
        try await lab.waitUntilThere()
        #expect(await LabDevice.usbCard.pullOut().end() == nil)
        try await lab.call.join()
        let isTold = await reached { lab.call.speaker.error != nil }
        #expect(isTold && lab.call.speaker.error?.code == .noDevice, "\(String(describing: lab.call.speaker.error))")
        #expect(lab.call.speaker.status != .enabled)
        #expect(lab.call.state.connection.value == .joined)
        await lab.leave()

        await LabDevice.usbCard.putBack()
        try await lab.waitUntilThere()
        try await lab.join()
        await lab.leave()
    }

    @Test("a device that comes back in the middle of the call is taken again when it is enabled")
    func enabledAgain() async throws {
        let lab = try await CallInLab(.loopback)
        try await lab.join()
        let unplugging = LabDevice.loopbackCard.pullOut()
        for manager in lab.managers {
            let isTold = await reached { manager.error != nil }
            #expect(isTold)
        }
        #expect(await unplugging.end() == nil)
        await LabDevice.loopbackCard.putBack()
        try await lab.waitUntilThere()
        try await lab.call.microphone.enable()
        try await lab.call.speaker.enable()
        try await lab.allDeliver()
        await lab.leave()
    }
}

@Suite("Other faults of sound cards in the middle of a call", .enabled(if: DeviceLab.isHere), .serialized)
struct CallSoundFaultTests {
    @Test("a microphone that another program holds is busy by name, the call lives, and a rejoin gets it")
    func busy() async throws {
        let lab = try await CallInLab(.loopback)
        let other = try RunningProgram(
            "arecord", ["-q", "-D", "hw:Loopback,0,0", "-f", "S16_LE", "-r", "48000", "-c", "2", "/dev/null"])
        try await expectRunning("/proc/asound/Loopback/pcm0c/sub0/status")
        try await lab.call.join()
        let isTold = await reached { lab.call.microphone.error != nil }
        let error = lab.call.microphone.error
        #expect(isTold && error?.code == .busy, "\(String(describing: error))")
        #expect(error?.description.contains("arecord") == true, "\(String(describing: error))")
        let speaks = await reached { lab.call.speaker.status == .enabled }
        #expect(speaks)
        #expect(lab.call.state.connection.value == .joined)
        await lab.leave()
        try await other.stop()
        try await lab.join()
        await lab.leave()
    }

    @Test("choosing a busy microphone in the call tells who holds it, and the one before goes on")
    func busyChoice() async throws {
        let lab = try await CallInLab(.loopback)
        let other = try RunningProgram(
            "arecord", ["-q", "-D", "hw:Intel,2", "-f", "S16_LE", "-r", "48000", "-c", "2", "/dev/null"])
        try await expectRunning("/proc/asound/Intel/pcm2c/sub0/status")
        try await lab.join()
        let error = await #expect(throws: DeviceError.self) {
            try await lab.call.microphone.select("hw:CARD=Intel,DEV=2")
        }
        #expect(error?.code == .busy, "\(String(describing: error))")
        try await lab.allDeliver()
        await lab.leave()
        try await other.stop()
    }

    @Test("a program that is stopped for a while has xruns, which are counted, and its sound goes on")
    func xrun() async throws {
        let lab = try await CallInLab(.loopback)
        try await lab.join()
        let before = try #require(lab.call.statistics)
        let result = try await DeviceLab.shell("kill -STOP $PPID; sleep 1.5; kill -CONT $PPID")
        #expect(result.status == 0)
        let isCounted = await reached {
            let now = lab.call.statistics
            return (now?.microphone?.stream.xruns ?? 0) > (before.microphone?.stream.xruns ?? 0)
                && (now?.speaker?.stream.xruns ?? 0) > (before.speaker?.stream.xruns ?? 0)
        }
        #expect(isCounted, "\(String(describing: lab.call.statistics))")
        try await lab.allDeliver()
        await lab.leave()
        try await lab.join()
        await lab.leave()
    }

    @Test("a microphone that never delivers is told as such, the call lives, and another can be chosen")
    func neverStarts() async throws {
        var devices = CallInLab.Devices.loopback
        devices.microphone = "hw:CARD=Dead,DEV=0"
        let lab = try await CallInLab(devices)
        try await lab.call.join()
        let isTold = await reached { lab.call.microphone.error != nil }
        let error = lab.call.microphone.error
        #expect(isTold && error?.code == .neverStarted, "\(String(describing: error))")
        #expect(lab.call.microphone.status != .enabled)
        #expect(lab.call.state.connection.value == .joined)
        try await lab.call.microphone.select("hw:CARD=Loopback,DEV=0,SUBDEV=0")
        try await lab.call.microphone.enable()
        try await lab.allDeliver()
        await lab.leave()
    }

    private func expectRunning(_ status: String) async throws {
        let isRunning = try await reached { try await DeviceLab.shell("cat \(status)").output.contains("RUNNING") }
        #expect(isRunning)
    }
}
