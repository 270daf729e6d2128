import Media
import Reprise
import Synchronization
import Testing

/// A call with the echo participant, on devices of the lab.
struct CallInLab: Sendable {
    /// The devices a test's call takes; nil: that kind is off.
    struct Devices: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var microphone: DeviceID?
        var speaker: DeviceID?
        var camera: DeviceID?

        static let loopback = Devices(
            testDescription: "loopback microphone and speaker", microphone: "hw:CARD=Loopback,DEV=0,SUBDEV=0",
            speaker: "hw:CARD=Loopback,DEV=0,SUBDEV=1")
        static let hda = Devices(
            testDescription: "HDA microphone and speaker", microphone: "hw:CARD=Intel,DEV=2",
            speaker: "hw:CARD=Intel,DEV=0")
        static let usb = Devices(testDescription: "USB speaker", speaker: "hw:CARD=Audio,DEV=0")
        static let usbSpeaker = Devices(
            testDescription: "loopback microphone, USB speaker", microphone: loopback.microphone,
            speaker: usb.speaker)
        static let camera = Devices(testDescription: "camera", camera: "/dev/video0")
        static let all = Devices(
            testDescription: "loopback microphone and speaker, camera", microphone: loopback.microphone,
            speaker: loopback.speaker, camera: camera.camera)
    }

    let call: Call
    let devices: Devices

    /// Every device of the call, taken again by itself when it is back and replaced by another of the lab's that brings
    /// sound or a picture meanwhile.
    static let recovering: RoutingConfiguration = {
        var routing = RoutingConfiguration()
        routing.order = [.loopback, .usb, .builtIn]
        return routing
    }()

    /// The call made last: kept, and ended when the next one is made, where its test failed before it could leave.
    private static let last = Mutex<Call?>(nil)

    /// - `routing`: by itself a call of the lab stays with the devices it was given, and does not take them again.
    init(
        _ devices: Devices, standby: StandbyPolicy = .release, routing: RoutingConfiguration? = nil
    ) async throws {
        await Self.endLast()
        self.devices = devices
        var configuration = CallConfiguration()
        configuration.standby = standby
        configuration.preferredMicrophone = devices.microphone
        configuration.preferredSpeaker = devices.speaker
        configuration.preferredCamera = devices.camera
        configuration.routing.fallsBack = false
        configuration.routing.returns = false
        if let routing { configuration.routing = routing }
        let client = Client(
            user: User(id: "lab"), service: InProcessService(transport: .memory), devices: .machine,
            configuration: configuration)
        let call = client.call(type: InProcessService.echoType, id: "lab")
        Self.last.withLock { $0 = call }
        self.call = call
        // Small pictures: the lab's processor may be emulated.
        try await call.create(
            CallCreation(
                settings: CallSettings(
                    microphoneOn: devices.microphone != nil, speakerOn: devices.speaker != nil,
                    cameraOn: devices.camera != nil,
                    camera: VideoResolution(width: 320, height: 180, framesPerSecond: 15))))
    }

    /// Ends what a test before has left: its call, with the devices that stand by, and its programs.
    static func endLast() async {
        if let previous = last.withLock({ $0 }) {
            await previous.leave()
            await previous.media.reset()
        }
        await RunningProgram.stopAll()
    }

    /// The managers of the devices the call takes.
    var managers: [any DeviceManager] {
        var managers: [any DeviceManager] = []
        if devices.microphone != nil { managers.append(call.microphone) }
        if devices.speaker != nil { managers.append(call.speaker) }
        if devices.camera != nil { managers.append(call.camera) }
        return managers
    }

    /// Joins, and waits until every device delivers.
    func join(_ location: SourceLocation = #_sourceLocation) async throws {
        try await call.join()
        try await allDeliver(location)
    }

    /// Waits until every device delivers.
    func allDeliver(_ location: SourceLocation = #_sourceLocation) async throws {
        for manager in managers {
            let isEnabled = await reached { manager.status == .enabled || manager.error != nil }
            try #require(
                isEnabled && manager.status == .enabled, "\(type(of: manager)): \(manager.status), \(told(manager))",
                sourceLocation: location)
        }
        let isFlowing = await flows()
        try #require(isFlowing, "\(String(describing: call.statistics))", sourceLocation: location)
    }

    /// Whether every device moves on from here: new periods captured and played, new frames, new packets sent.
    func flows() async -> Bool {
        let before = Progress(call.statistics)
        return await reached { Progress(call.statistics).isPast(before, devices) }
    }

    /// Leaves, and checks that nothing of the session is left.
    func leave(_ location: SourceLocation = #_sourceLocation) async {
        await call.leave()
        #expect(call.state.connection.value == .idle, sourceLocation: location)
        for manager in managers {
            #expect(manager.status == .notSelected, "\(type(of: manager))", sourceLocation: location)
        }
    }

    /// Waits until the kernel has all the devices of the call: a bus needs a moment after a device was plugged in.
    func waitUntilThere(_ location: SourceLocation = #_sourceLocation) async throws {
        let tests =
            [devices.microphone, devices.speaker].compactMap { id in
                id.map { "test -e /proc/asound/\($0.rawValue.split(separator: "=")[1].split(separator: ",")[0])" }
            } + (devices.camera.map { ["test -e \($0)"] } ?? [])
        let isThere = try await reached {
            try await DeviceLab.shell(tests.joined(separator: " && ")).status == 0
        }
        try #require(isThere, sourceLocation: location)
    }

    private func told(_ manager: any DeviceManager) -> String { manager.error?.description ?? "no error" }

    private struct Progress {
        var captured: Int64
        var played: Int64
        var frames: Int64

        init(_ statistics: CallStatistics?) {
            captured = statistics?.microphone?.stream.sampleFrames ?? 0
            played = statistics?.speaker?.stream.sampleFrames ?? 0
            frames = statistics?.camera?.stream.frames ?? 0
        }

        func isPast(_ other: Progress, _ devices: Devices) -> Bool {
            (devices.microphone == nil || captured > other.captured)
                && (devices.speaker == nil || played > other.played)
                && (devices.camera == nil || frames > other.frames)
        }
    }
}

/// Waits until a condition holds that nothing signals: a counter of a driver's thread, a file of the kernel.
/// - Returns: whether it came to hold in time.
func reached(within limit: Duration = .seconds(20), _ condition: () async throws -> Bool) async rethrows -> Bool {
    let deadline = MonotonicInstant.now() + limit
    while try await !condition() {
        if MonotonicInstant.now() > deadline { return false }
        try? await Task.sleep(for: .milliseconds(20))
    }
    return true
}
