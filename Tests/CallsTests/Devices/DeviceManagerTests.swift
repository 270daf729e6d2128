import Media
import Rooms
import Scopes
import TestSupport
import Testing

@testable import Calls

@Suite("Device managers", .timeLimit(.minutes(5)))
struct DeviceManagerTests {
    @Test("Muting keeps the microphone open, so that unmuting starts nothing")
    func mutingKeepsTheMicrophoneOpen() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        try await fixture.call.microphone.disable()
        #expect(fixture.call.microphone.status == .disabled && fixture.microphone.isRunning)
        try await fixture.call.microphone.enable()
        #expect(fixture.call.microphone.status == .enabled && fixture.microphone.starts == 1)
        await fixture.call.leave()
    }

    @Test("A policy makes muting close the microphone, and unmuting start it again")
    func mutingMayClose() async throws {
        let fixture = Fixture { $0.closesMutedMicrophone = true }
        try await fixture.joinAndRun()
        try await fixture.call.microphone.disable()
        #expect(!fixture.microphone.isOpen)
        try await fixture.call.microphone.enable()
        #expect(fixture.microphone.starts == 2)
        await fixture.call.leave()
    }

    @Test("A camera that is switched off is closed")
    func cameraCloses() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        try await fixture.call.camera.toggle()
        #expect(fixture.call.camera.status == .disabled && !fixture.camera.isOpen)
        try await fixture.call.camera.toggle()
        #expect(fixture.call.camera.status == .enabled && fixture.camera.isRunning)
        await fixture.call.leave()
    }

    @Test("The others see a track muted and unmuted")
    func muteIsTold() async throws {
        let fixture = Fixture(type: "default")
        let other = Client(user: User(id: "bob"), service: fixture.service, devices: .synthetic())
        try await other.call(id: "kitchen").join()
        try await fixture.joinAndRun()
        let id = fixture.call.state.sessionID.value
        let seen = other.call(id: "kitchen").state.participants
        await seen.first { $0.first { $0.id == id }?.has(.audio) == true }
        try await fixture.call.microphone.disable()
        await seen.first { $0.first { $0.id == id }?.tracks[.audio]?.isMuted == true }
        try await fixture.call.microphone.enable()
        await seen.first { $0.first { $0.id == id }?.has(.audio) == true }
        await fixture.call.leave()
        await seen.first { !$0.contains { $0.id == id } }
        await other.close()
    }

    @Test(
        "Unplugged in a call: the error is typed and seen in three places, the call lives, a rejoin works when it is back"
    )
    func unplugged() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        fixture.microphone.unplug()
        await fixture.call.microphone.statuses.first(.disabled)
        #expect(fixture.call.microphone.error?.code == .disconnected)
        await fixture.call.state.errors.first { $0.contains { $0.code == .device } }
        #expect(fixture.call.state.connection.value == .joined && fixture.speaker.isRunning)
        await fixture.call.leave()
        fixture.microphone.plugIn()
        try await fixture.joinAndRun()
        #expect(fixture.call.microphone.error == nil)
        await fixture.call.leave()
    }

    @Test("A device that fails to open is told, and can be enabled again in the same session")
    func failsThenWorks() async throws {
        let fixture = Fixture()
        fixture.microphone.failNextStarts(with: .busy)
        try await fixture.call.join()
        await fixture.call.microphone.errors.first { $0?.code == .busy }
        await fixture.call.microphone.statuses.first(.disabled)
        try await fixture.call.microphone.enable()
        #expect(fixture.call.microphone.status == .enabled && fixture.call.microphone.error == nil)
        await fixture.call.leave()
    }

    @Test("Where the first camera fails to start, the next is taken")
    func nextCandidate() async throws {
        let fixture = Fixture()
        fixture.camera.failNextStarts(with: .noBandwidth)
        try await fixture.joinAndRun()
        #expect(fixture.call.camera.selectedDevice == fixture.hardware.cameras.all[1].info.id)
        await fixture.call.leave()
    }

    @Test("A selection that cannot be started gives its error, and the device before is taken up again")
    func failedSelection() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let second = fixture.hardware.cameras.all[1]
        second.hardware.failNextStarts(with: .busy)
        let error = await #expect(throws: DeviceError.self) {
            try await fixture.call.camera.select(second.info.id)
        }
        #expect(error?.code == .busy)
        #expect(fixture.call.camera.status == .enabled && fixture.camera.isRunning)
        await fixture.call.leave()
    }

    @Test("An unknown device is refused by name, with those there are")
    func unknownDevice() async throws {
        let fixture = Fixture()
        let error = await #expect(throws: DeviceError.self) {
            try await fixture.call.microphone.select("hw:CARD=Nowhere")
        }
        #expect(error?.code == .noDevice)
        let text = "\(error!)"
        #expect(text.contains("hw:CARD=Nowhere") && text.contains(fixture.hardware.audio.microphone.info.id.rawValue))
        #expect(fixture.call.microphone.selectedDevice == nil)
    }

    @Test("flip() takes a camera that looks the other way, and back")
    func flip() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        let first = fixture.call.camera.selectedDevice
        try await fixture.call.camera.flip()
        #expect(fixture.call.camera.selectedDevice == fixture.hardware.cameras.all[1].info.id)
        try await fixture.call.camera.flip()
        #expect(fixture.call.camera.selectedDevice == first)
        await fixture.call.leave()
    }

    @Test("A volume outside 0 to 100 is refused", arguments: [-1, 101, Int.max, Int.min])
    func volumeOutOfRange(volume: Int) async throws {
        let fixture = Fixture()
        let error = await #expect(throws: DeviceError.self) { try await fixture.call.speaker.setVolume(volume) }
        #expect(error?.code == .invalidArgument)
        #expect(fixture.call.speaker.volume == nil)
    }

    @Test("A screen is shared only when asked for, and stopped from outside it is disabled with the reason")
    func screenShare() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        #expect(fixture.call.screenShare.status == .notSelected)
        try await fixture.call.screenShare.enable()
        #expect(fixture.call.screenShare.status == .enabled)
        await fixture.call.state.screenSharing.first { $0 != nil }
        fixture.hardware.screens.first.hardware.unplug()
        await fixture.call.screenShare.statuses.first(.disabled)
        #expect(fixture.call.screenShare.error != nil)
        await fixture.call.leave()
        fixture.expectLeft()
    }

    @Test("Without the capability a screen cannot be shared")
    func screenShareNeedsTheCapability() async throws {
        let fixture = Fixture { $0.preferredScreen = nil }
        try await fixture.call.join()
        fixture.call.state.info.update { $0?.capabilities = [.sendAudio] }
        let error = await #expect(throws: DeviceError.self) { try await fixture.call.screenShare.enable() }
        #expect(error?.code == .permissionDenied)
        await fixture.call.leave()
    }

    @Test("Warm: a left call keeps the handle and the next join uses it; reset gives it back")
    func warmStandby() async throws {
        let fixture = Fixture { $0.standby = .warm }
        for _ in 0..<5 {
            try await fixture.joinAndRun()
            await fixture.call.leave()
            fixture.expectLeft()
            #expect(fixture.microphone.isOpen && fixture.camera.isOpen)
        }
        #expect(fixture.microphone.opens == 1 && fixture.microphone.starts == 5)
        #expect(fixture.camera.opens == 1 && fixture.camera.starts == 5)
        await fixture.call.media.reset()
        #expect(fixture.hardware.hardware.allSatisfy { !$0.isOpen })
        try await fixture.joinAndRun()
        await fixture.client.close()
        #expect(fixture.hardware.hardware.allSatisfy { !$0.isOpen })
    }

    @Test("Warm: a device of which another was chosen in between is given back")
    func warmHandleOfAnotherDevice() async throws {
        let fixture = Fixture { $0.standby = .warm }
        try await fixture.joinAndRun()
        await fixture.call.leave()
        try await fixture.call.camera.select(fixture.hardware.cameras.all[1].info.id)
        try await fixture.joinAndRun()
        #expect(!fixture.camera.isOpen && fixture.hardware.cameras.all[1].hardware.isRunning)
        await fixture.client.close()
    }

    @Test("reset() in the middle of a session closes the devices, and they can be enabled again")
    func resetInTheSession() async throws {
        let fixture = Fixture()
        try await fixture.joinAndRun()
        await fixture.call.media.reset()
        await fixture.call.media.reset()
        #expect(fixture.call.microphone.status == .notSelected && !fixture.microphone.isOpen)
        #expect(fixture.call.camera.status == .notSelected && !fixture.camera.isOpen)
        #expect(fixture.call.state.connection.value == .joined)
        try await fixture.call.microphone.enable()
        #expect(fixture.call.microphone.status == .enabled)
        await fixture.call.leave()
    }

    @Test("reset() refuses what was begun before it, and outlives it")
    func resetRefusesOldWork() async throws {
        let fixture = Fixture()
        try await fixture.call.join()
        await fixture.call.camera.statuses.first(.enabled)
        try await fixture.call.camera.disable()
        let gate = SyntheticGate()
        fixture.camera.holdStarts(at: gate)
        let enabling = Task { try await fixture.call.camera.enable() }
        await gate.waitForArrival()
        await fixture.call.camera.reset()
        let error = await #expect(throws: DeviceError.self) { try await enabling.value }
        #expect(error?.code == .cancelled)
        #expect(fixture.call.camera.status == .notSelected && !fixture.camera.isOpen)
        await fixture.call.leave()
    }

    @Test("A device that stalls is not called enabled until it delivers again")
    func stall() async throws {
        let clock = SyntheticClock()
        let hardware = SyntheticDeviceSystem(timing: .manual(clock))
        let fixture = Fixture(hardware: hardware) { $0.now = { clock.now } }
        try await fixture.call.join()
        await advance(clock) { fixture.call.camera.status == .enabled }
        fixture.camera.stall()
        await advance(clock) { fixture.call.camera.status == .disabled }
        #expect(fixture.call.camera.error?.code == .stalled)
        fixture.camera.resume()
        await advance(clock) { fixture.call.camera.status == .enabled }
        #expect(fixture.call.camera.error == nil)
        await fixture.call.leave()
    }

    @Test("The order in which sound devices are preferred")
    func routing() async throws {
        func device(_ id: DeviceID, _ kind: AudioDeviceKind, isDefault: Bool = false) -> AudioDeviceInfo {
            AudioDeviceInfo(
                id: id, name: id.rawValue, direction: .playback, kind: kind, isDefault: isDefault)
        }
        let all = [
            device("hdmi", .hdmi), device("built-in", .builtIn, isDefault: true), device("usb", .usb),
            device("bluetooth", .bluetooth),
        ]
        func order(_ devices: [AudioDeviceInfo], isSpeakerphone: Bool = false) -> [String] {
            AudioRouting(isSpeakerphone: isSpeakerphone).order(devices).map(\.id.rawValue)
        }
        #expect(order(all) == ["bluetooth", "usb", "built-in", "hdmi"])
        #expect(order(all, isSpeakerphone: true) == ["built-in", "hdmi", "bluetooth", "usb"])
        let server = [device("default", .soundServer, isDefault: true)]
        #expect(order(all + server).first == "default")
    }
}

/// Moves time in steps of 10 ms until something has happened.
func advance(_ clock: SyntheticClock, until condition: @Sendable () -> Bool) async {
    while !condition() {
        clock.advance(by: .milliseconds(10))
        for _ in 0..<20 where !condition() { await Task.yield() }
    }
}
