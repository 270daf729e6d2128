import Media
import Rooms
import Scopes
import Testing

@testable import Calls

@Suite("Devices that come and go in a call", .timeLimit(.minutes(2)))
struct RecoveryTests {
    /// Two microphones and two speakers (a headset and the built-in pair), two cameras.
    static func machine(_ timing: SyntheticTiming = .realTime) -> SyntheticDeviceSystem {
        let modes = [VideoMode(format: "YU12", width: 64, height: 32, rates: [30])]
        func camera(_ name: String, _ direction: CameraDirection) -> SyntheticVideoDevice {
            SyntheticVideoDevice(id: DeviceID(name), name: name, direction: direction, modes: modes, timing: timing)
        }
        return SyntheticDeviceSystem(
            audio: SyntheticAudioDevices(
                microphones: [
                    SyntheticMicrophone(id: "board:mic", kind: .builtIn, card: "board", timing: timing),
                    SyntheticMicrophone(id: "headset:mic", kind: .usb, card: "headset", timing: timing),
                ],
                speakers: [
                    SyntheticSpeaker(id: "board:speaker", kind: .builtIn, card: "board", timing: timing),
                    SyntheticSpeaker(id: "headset:speaker", kind: .usb, card: "headset", timing: timing),
                ]),
            cameras: SyntheticVideoDevices([camera("front", .front), camera("back", .back)]),
            screens: SyntheticVideoDevices([camera("screen", .unknown)]))
    }

    private func fixture(_ configure: (inout CallConfiguration) -> Void = { _ in }) -> Fixture {
        Fixture(hardware: Self.machine()) {
            $0.clock = SuspendingClock()
            configure(&$0)
        }
    }

    private func runs(_ manager: some DeviceManager, on id: DeviceID) async {
        await manager.selectedDevices.first { $0 == id }
        await manager.statuses.first(.enabled)
        while manager.selectedDevice != id || manager.status != .enabled { await Task.yield() }
    }

    @Test(
        "An unplugged headset: the built-in microphone and speaker go on, and the headset is taken again; one session")
    func headset() async throws {
        let fixture = fixture()
        try await fixture.joinAndRun()
        let (call, audio) = (fixture.call, fixture.hardware.audio)
        await runs(call.microphone, on: "headset:mic")
        await runs(call.speaker, on: "headset:speaker")
        let session = call.state.sessionID.value
        for round in 1...5 {
            audio.microphones[1].hardware.unplug()
            audio.speakers[1].hardware.unplug()
            await runs(call.microphone, on: "board:mic")
            await runs(call.speaker, on: "board:speaker")
            audio.microphones[1].hardware.plugIn()
            audio.speakers[1].hardware.plugIn()
            await runs(call.microphone, on: "headset:mic")
            await runs(call.speaker, on: "headset:speaker")
            // One that goes just when the call looks at its devices is left for the next before it tells.
            #expect((round - 1...round).contains(call.microphone.recoveries.losses))
            #expect(call.microphone.recoveries.switches >= 2 * round)
        }
        #expect(call.state.sessionID.value == session && call.generation == 1)
        #expect(!audio.microphones[0].hardware.isOpen && !audio.speakers[0].hardware.isOpen)
        print(
            "longest gap: \(call.microphone.recoveries.longestGap ?? .zero), \(call.speaker.recoveries.longestGap ?? .zero)"
        )
        await call.leave()
        fixture.expectLeft()
        #expect(fixture.hardware.watch.listeners == 0)
    }

    @Test("A person's choice wins until it goes, and is restored when it returns")
    func choice() async throws {
        let fixture = fixture()
        try await fixture.joinAndRun()
        try await fixture.call.microphone.select("board:mic")
        await runs(fixture.call.microphone, on: "board:mic")
        let board = fixture.hardware.audio.microphones[0].hardware
        board.unplug()
        await runs(fixture.call.microphone, on: "headset:mic")
        board.plugIn()
        await runs(fixture.call.microphone, on: "board:mic")
        await fixture.call.leave()
    }

    @Test("Without any device the status says so and the call goes on; the next that comes is taken")
    func noneLeft() async throws {
        let fixture = fixture()
        try await fixture.joinAndRun()
        let hardware = fixture.hardware.audio.microphones.map(\.hardware)
        hardware[1].unplug()
        hardware[0].unplug()
        await fixture.call.microphone.statuses.first(.disabled)
        #expect(fixture.call.microphone.error?.code == .disconnected)
        #expect(fixture.call.state.connection.value == .joined && fixture.speaker.isPresent)
        hardware[0].plugIn()
        await runs(fixture.call.microphone, on: "board:mic")
        #expect(fixture.call.microphone.error == nil)
        await fixture.call.leave()
    }

    @Test("A call joined without a camera takes the one that comes")
    func joinedWithout() async throws {
        let fixture = fixture()
        for camera in fixture.hardware.cameras.all { camera.hardware.unplug() }
        try await fixture.call.join()
        await fixture.call.camera.errors.first { $0?.code == .noDevice }
        fixture.hardware.cameras.all[1].hardware.plugIn()
        await runs(fixture.call.camera, on: "back")
        await fixture.call.leave()
    }

    @Test("A busy camera is waited for: tried again by backoff, and at once when its holder closes it")
    func busy() async throws {
        let fixture = fixture { $0.routing.fallsBack = false }
        fixture.camera.failNextStarts(3, with: .busy)
        fixture.hardware.cameras.all[1].hardware.unplug()
        try await fixture.call.join()
        await fixture.call.camera.errors.first { $0?.code == .busy }
        await runs(fixture.call.camera, on: "front")
        #expect(fixture.call.camera.recoveries.failedStarts == 3)
        await fixture.call.leave()
    }

    @Test("A better device that cannot be opened does not interrupt the one that runs")
    func betterOneFails() async throws {
        let fixture = fixture()
        let headset = fixture.hardware.audio.microphones[1].hardware
        headset.unplug()
        try await fixture.joinAndRun()
        await runs(fixture.call.microphone, on: "board:mic")
        headset.failNextStarts(2, with: .busy)
        headset.plugIn()
        await runs(fixture.call.microphone, on: "headset:mic")
        let board = fixture.hardware.audio.microphones[0].hardware
        #expect(board.starts == 1 && fixture.call.microphone.recoveries.failedStarts == 2)
        await fixture.call.leave()
    }

    @Test("Choosing a headset's microphone takes its speaker along")
    func companion() async throws {
        let fixture = fixture()
        try await fixture.joinAndRun()
        await fixture.call.media.refreshDevices()
        try await fixture.call.microphone.select("board:mic")
        await runs(fixture.call.speaker, on: "board:speaker")
        try await fixture.call.microphone.select(nil)
        await runs(fixture.call.speaker, on: "headset:speaker")
        await runs(fixture.call.microphone, on: "headset:mic")
        await fixture.call.leave()
    }

    @Test("A remembered choice is taken by the next run, also where the camera is in another socket")
    func remembered() async throws {
        let memory = DeviceMemory(path: "/dev/null/nowhere")
        let first = fixture { $0.routing.memory = memory }
        try await first.joinAndRun()
        await first.call.media.refreshDevices()
        try await first.call.camera.select("back")
        await first.call.leave()
        #expect(memory.choice(of: "camera") == .init(id: "back", name: "back"))

        memory.remember(.init(id: "another socket", name: "back"), of: "camera")
        let second = fixture { $0.routing.memory = memory }
        await second.call.media.refreshDevices()
        try await second.joinAndRun()
        await runs(second.call.camera, on: "back")
        await second.call.leave()
    }

    @Test("A stalled microphone is restarted, opened anew, then left for the next, each counted")
    func stalled() async throws {
        let clock = SyntheticClock()
        let fixture = Fixture(hardware: Self.machine(.manual(clock))) { $0.now = { clock.now } }
        try await fixture.call.join()
        let microphone = fixture.call.microphone
        await advance(clock) { microphone.status == .enabled && fixture.call.camera.status == .enabled }
        #expect(microphone.selectedDevice == "headset:mic")
        fixture.hardware.audio.microphones[1].hardware.stall()
        await advance(clock) { microphone.selectedDevice == "board:mic" && microphone.status == .enabled }
        let recoveries = microphone.recoveries
        #expect(recoveries.stalls >= 1 && recoveries.restarts == 1 && recoveries.reopens == 1)
        #expect(fixture.call.state.errors.value.contains { $0.code == .device })
        await fixture.call.leave()
    }

    @Test("Listeners do not accumulate over a hundred rejoins, and the list of devices lives on")
    func listeners() async throws {
        let fixture = fixture()
        for _ in 0..<100 {
            try await fixture.call.join()
            #expect(fixture.hardware.watch.listeners == 1)
            await fixture.call.leave()
            #expect(fixture.hardware.watch.listeners == 0)
        }
        await fixture.call.media.refreshDevices()
        #expect(fixture.call.media.devices.value.microphones.count == 2)
        fixture.hardware.cameras.all[0].hardware.unplug()
        try await fixture.call.join()
        fixture.hardware.cameras.all[0].hardware.plugIn()
        fixture.hardware.cameras.all[1].hardware.unplug()
        await fixture.call.media.devices.first { $0.cameras.map(\.id) == ["front"] }
        await fixture.call.leave()
    }
}
