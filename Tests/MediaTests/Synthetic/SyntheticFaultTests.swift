import Media
import Synchronization
import Testing

/// A synthetic device of any sort, as far as faults go.
struct FaultyDevice: Sendable, CustomTestStringConvertible {
    enum Told: Sendable, Equatable {
        case delivered
        case ended(DeviceError.Code)
        case stalled(DeviceError.Code)
        case resumed
        case other
    }

    let testDescription: String
    /// Builds one, on a clock; gives its hardware, how to start and stop it, and what it is listed as.
    let make: @Sendable (SyntheticTiming) -> Made

    struct Made: Sendable {
        let hardware: SyntheticHardware
        let start: @Sendable (@escaping @Sendable (Told) -> Void) async throws(DeviceError) -> Bool
        let stop: @Sendable (StandbyPolicy) async -> Void
        let listed: @Sendable () async throws(DeviceError) -> [DeviceID]
        let find: @Sendable () async throws(DeviceError) -> Void
    }

    static let all: [FaultyDevice] = [
        FaultyDevice(testDescription: "microphone") { timing in
            let devices = SyntheticAudioDevices(timing: timing)
            return audio(devices, devices.microphone, devices.microphone.hardware)
        },
        FaultyDevice(testDescription: "speaker") { timing in
            let devices = SyntheticAudioDevices(timing: timing)
            return audio(devices, devices.speaker, devices.speaker.hardware)
        },
        FaultyDevice(testDescription: "camera") { video(.cameras(timing: $0)) },
        FaultyDevice(testDescription: "screen") { video(.screens(timing: $0)) },
    ]

    private static func audio(
        _ devices: SyntheticAudioDevices, _ device: any AudioDevice, _ hardware: SyntheticHardware
    ) -> Made {
        let direction = device.info.direction
        return Made(
            hardware: hardware,
            start: { tell throws(DeviceError) in
                let ring = AudioRing(format: AudioFormat(), capacity: 48_000)
                return try await device.start(ring, options: AudioStreamOptions()) { event in
                    switch event {
                    case .ended(let error): tell(.ended(error.code))
                    case .stalled(let error): tell(.stalled(error.code))
                    case .resumed: tell(.resumed)
                    case .recovered: tell(.other)
                    }
                }.reused
            }, stop: { await device.stop($0) },
            listed: { () throws(DeviceError) in try await devices.devices(direction).map(\.id) },
            find: { () throws(DeviceError) in _ = try await devices.device(device.info.id, direction) })
    }

    private static func video(_ devices: SyntheticVideoDevices) -> Made {
        let device = devices.first
        return Made(
            hardware: device.hardware,
            start: { tell throws(DeviceError) in
                try await device.start(
                    VideoTarget(width: 320, height: 180, framesPerSecond: 30), deliver: { _ in tell(.delivered) },
                    onEvent: { event in
                        switch event {
                        case .ended(let error): tell(.ended(error.code))
                        case .stalled(let error): tell(.stalled(error.code))
                        case .resumed: tell(.resumed)
                        }
                    }
                ).reused
            }, stop: { await device.stop($0) },
            listed: { () throws(DeviceError) in try await devices.devices().map(\.id) },
            find: { () throws(DeviceError) in _ = try await devices.device(device.info.id) })
    }
}

@Suite("Synthetic devices: faults", .timeLimit(.minutes(1)))
struct SyntheticFaultTests {
    @Test("the next starts fail as told, the device closed after each; then it starts", arguments: FaultyDevice.all)
    func failingStarts(_ device: FaultyDevice) async throws {
        let made = device.make(.manual(SyntheticClock()))
        made.hardware.failNextStarts(2, with: .busy)
        made.hardware.failNextStarts(with: .permissionDenied)
        for code in [DeviceError.Code.busy, .busy, .permissionDenied] {
            await #expect { _ = try await made.start { _ in } } throws: { ($0 as? DeviceError)?.code == code }
            #expect(!made.hardware.isOpen && !made.hardware.isRunning)
        }
        #expect(try await !made.start { _ in })
        await made.stop(.warm)
        // A warm handle is closed by a failure, too.
        made.hardware.failNextStarts(with: .failed)
        await #expect(throws: DeviceError.self) { _ = try await made.start { _ in } }
        #expect(!made.hardware.isOpen)
        #expect(try await !made.start { _ in })
        await made.stop(.release)
        #expect(made.hardware.opens == 2 && made.hardware.closes == 2 && made.hardware.starts == 2)
    }

    @Test("a start waits at its gate until it opens", arguments: FaultyDevice.all)
    func startGate(_ device: FaultyDevice) async throws {
        let made = device.make(.manual(SyntheticClock()))
        let gate = SyntheticGate()
        made.hardware.holdStarts(at: gate)
        let start = Task { try await made.start { _ in } }
        await gate.waitForArrival()
        #expect(!made.hardware.isRunning)
        gate.open()
        #expect(try await !start.value)
        #expect(made.hardware.isRunning)
        await made.stop(.release)
    }

    @Test("a start that is cancelled at its gate throws, and the device is closed", arguments: FaultyDevice.all)
    func cancelledStart(_ device: FaultyDevice) async throws {
        let made = device.make(.manual(SyntheticClock()))
        _ = try await made.start { _ in }
        await made.stop(.warm)
        let gate = SyntheticGate()
        made.hardware.holdStarts(at: gate)
        let start = Task { try await made.start { _ in } }
        await gate.waitForArrival()
        // A stop that comes now waits for the start.
        let stop = Task { await made.stop(.warm) }
        start.cancel()
        await #expect { try await start.value } throws: { ($0 as? DeviceError)?.code == .cancelled }
        await stop.value
        #expect(!made.hardware.isOpen && !made.hardware.isRunning)
    }

    @Test("a start of a task that is cancelled already throws")
    func cancelledBefore() async {
        let made = FaultyDevice.all[0].make(.manual(SyntheticClock()))
        let start = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await made.start { _ in }
        }
        start.cancel()
        await #expect { try await start.value } throws: { ($0 as? DeviceError)?.code == .cancelled }
        #expect(made.hardware.opens == made.hardware.closes)
    }

    @Test(
        "unplugging ends a stream once, the device closed; it leaves the list and comes back",
        arguments: FaultyDevice.all)
    func unplug(_ device: FaultyDevice) async throws {
        let clock = SyntheticClock()
        let made = device.make(.manual(clock))
        let told = Collected<FaultyDevice.Told>()
        _ = try await made.start { event in
            if case .ended = event { #expect(!made.hardware.isOpen && !made.hardware.isRunning) }
            told.add(event)
        }
        clock.advance(by: .milliseconds(50))
        made.hardware.unplug()
        made.hardware.unplug()
        clock.advance(by: .seconds(5))
        #expect(told.all.filter { $0 != .delivered } == [.ended(.disconnected)])
        #expect(try await !made.listed().contains(made.hardware.id))
        await #expect { try await made.find() } throws: { ($0 as? DeviceError)?.code == .noDevice }
        await #expect { _ = try await made.start { _ in } } throws: { ($0 as? DeviceError)?.code == .noDevice }
        await made.stop(.release)
        #expect(made.hardware.opens == 1 && made.hardware.closes == 1)

        made.hardware.plugIn()
        #expect(try await made.listed().contains(made.hardware.id))
        #expect(try await !made.start { _ in })
        await made.stop(.release)
        #expect(made.hardware.opens == 2 && made.hardware.closes == 2)
    }

    @Test("unplugged and back before anything noticed: the stream ends all the same", arguments: FaultyDevice.all)
    func replug(_ device: FaultyDevice) async throws {
        let made = device.make(.realTime)
        let told = Collected<FaultyDevice.Told>()
        _ = try await made.start { told.add($0) }
        made.hardware.unplug()
        made.hardware.plugIn()
        let ended = await told.first { $0 != .delivered }
        #expect(ended == .ended(.disconnected))
        #expect(try await !made.start { _ in })
        await made.stop(.release)
        #expect(made.hardware.opens == 2 && made.hardware.closes == 2)
    }

    @Test("unplugging a warm device closes it, and tells nobody", arguments: FaultyDevice.all)
    func unplugWarm(_ device: FaultyDevice) async throws {
        let clock = SyntheticClock()
        let made = device.make(.manual(clock))
        let told = Collected<FaultyDevice.Told>()
        _ = try await made.start { told.add($0) }
        await made.stop(.warm)
        made.hardware.unplug()
        clock.advance(by: .seconds(1))
        #expect(!made.hardware.isOpen)
        #expect(told.all == [])
    }

    @Test("a stall is told once, with its kind, and so is its end", arguments: FaultyDevice.all)
    func stall(_ device: FaultyDevice) async throws {
        let clock = SyntheticClock()
        let made = device.make(.manual(clock))
        let told = Collected<FaultyDevice.Told>()
        made.hardware.stall()
        _ = try await made.start { told.add($0) }
        clock.advance(by: .milliseconds(900))
        #expect(told.all == [])
        clock.advance(by: .seconds(5))
        #expect(told.all == [.stalled(.neverStarted)])
        made.hardware.resume()
        clock.advance(by: .milliseconds(100))
        made.hardware.stall()
        clock.advance(by: .milliseconds(500))
        // Too short to be told.
        made.hardware.resume()
        clock.advance(by: .milliseconds(100))
        made.hardware.stall()
        clock.advance(by: .seconds(3))
        #expect(
            told.all.filter { $0 != .delivered } == [.stalled(.neverStarted), .resumed, .stalled(.stalled)])
        await made.stop(.release)
    }

    @Test("sound after a stall is marked as after a gap, and has its true time")
    func gapAfterStall() async throws {
        let clock = SyntheticClock()
        let microphone = SyntheticMicrophone(sound: .stamps, timing: .manual(clock))
        let ring = AudioRing(format: AudioFormat(), capacity: 4800)
        let start = clock.now
        _ = try await microphone.start(ring, options: AudioStreamOptions(), onEvent: { _ in })
        clock.advance(by: .microseconds(12_500))
        _ = ring.readAll()
        microphone.hardware.stall()
        clock.advance(by: .milliseconds(300))
        #expect(ring.fill == 0)
        microphone.hardware.resume()
        clock.advance(by: .milliseconds(10))
        let (samples, read) = ring.read(480)
        #expect(read.isAfterGap && read.capturedAt - start == .microseconds(312_500))
        #expect(
            samples.first == Int16(truncatingIfNeeded: SyntheticSound.sampleFrame(at: read.capturedAt, rate: 48_000)))
    }

    @Test(
        "a stop waits at its gate with the stream over and the handle taken, cancelled or not",
        arguments: FaultyDevice.all)
    func stopGate(_ device: FaultyDevice) async throws {
        let clock = SyntheticClock()
        let made = device.make(.manual(clock))
        let told = Collected<FaultyDevice.Told>()
        let gate = SyntheticGate()
        made.hardware.holdStops(at: gate)
        _ = try await made.start { told.add($0) }
        let stop = Task { await made.stop(.release) }
        await gate.waitForArrival()
        stop.cancel()
        clock.advance(by: .seconds(1))
        #expect(told.all == [])
        #expect(made.hardware.isOpen && !made.hardware.isRunning)
        gate.open()
        await stop.value
        #expect(!made.hardware.isOpen)
    }

    @Test("an unknown device names the known ones")
    func unknown() async {
        let devices = SyntheticDeviceSystem(timing: .manual(SyntheticClock()))
        await #expect { _ = try await devices.cameras.device("nonsense") } throws: {
            "\($0)" == "open(nonsense): No such device. Known: synthetic:camera-front, synthetic:camera-back"
        }
        await #expect { _ = try await devices.audio.device("nonsense", .playback) } throws: {
            "\($0)" == "open(nonsense): No such device. Known: synthetic:speaker"
        }
    }
}
