import Calls
import Media
import Rooms
import Scopes
import TestSupport
import Testing

/// A call with synthetic devices in a scripted room.
struct Fixture {
    let service = ScriptedService()
    let hardware: SyntheticDeviceSystem
    let client: Client
    let call: Call
    let clock = ManualClock()

    init(
        type: String = "echo", hardware: SyntheticDeviceSystem = .small(timing: .realTime),
        configure: (inout CallConfiguration) -> Void = { _ in }
    ) {
        var configuration = CallConfiguration()
        configuration.clock = clock
        configure(&configuration)
        self.hardware = hardware
        client = Client(
            user: User(id: "ada"), service: service, devices: hardware.system, configuration: configuration)
        call = client.call(type: type, id: "kitchen")
    }

    var microphone: SyntheticHardware { hardware.audio.microphone.hardware }
    var speaker: SyntheticHardware { hardware.audio.speaker.hardware }
    var camera: SyntheticHardware { hardware.cameras.first.hardware }

    /// Joins and waits until microphone, speaker and camera deliver.
    func joinAndRun() async throws {
        try await call.join()
        await running()
    }

    func running() async {
        await call.microphone.statuses.first(.enabled)
        await call.speaker.statuses.first(.enabled)
        await call.camera.statuses.first(.enabled)
    }

    /// What must hold whenever a call has been left.
    func expectLeft(_ location: SourceLocation = #_sourceLocation) {
        #expect(call.scope == nil, sourceLocation: location)
        #expect(call.microphone.status == .notSelected, sourceLocation: location)
        #expect(call.speaker.status == .notSelected, sourceLocation: location)
        #expect(call.camera.status == .notSelected, sourceLocation: location)
        #expect(call.screenShare.status == .notSelected, sourceLocation: location)
        #expect(call.state.participants.value.isEmpty, sourceLocation: location)
        #expect(hardware.hardware.allSatisfy { !$0.isRunning }, sourceLocation: location)
        #expect(
            call.configuration.standby == .warm || hardware.hardware.allSatisfy { !$0.isOpen },
            sourceLocation: location)
    }
}

extension StateFlow {
    /// Returns when the flow shows a value that satisfies the condition, with that value.
    @discardableResult
    func first(where condition: @Sendable (Value) -> Bool) async -> Value {
        for await value in self where condition(value) { return value }
        preconditionFailure("the flow ended, or the test was cancelled")
    }
}

extension StateFlow where Value: Equatable {
    func first(_ wanted: Value) async { await first { $0 == wanted } }
}

extension SyntheticDeviceSystem {
    /// Devices whose pictures are small: for tests of many sessions, whose subject is not the picture.
    static func small(timing: SyntheticTiming) -> SyntheticDeviceSystem {
        let modes = [VideoMode(format: "YU12", width: 64, height: 32, rates: [30])]
        func device(_ name: String, _ direction: CameraDirection = .unknown) -> SyntheticVideoDevice {
            SyntheticVideoDevice(
                id: DeviceID("synthetic:\(name)"), name: name, direction: direction, modes: modes, timing: timing)
        }
        return SyntheticDeviceSystem(
            audio: SyntheticAudioDevices(timing: timing),
            cameras: SyntheticVideoDevices([device("front", .front), device("back", .back)]),
            screens: SyntheticVideoDevices([device("screen")]))
    }
}
