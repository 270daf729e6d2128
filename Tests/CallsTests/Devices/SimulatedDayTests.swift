import Media
import Rooms
import Scopes
import Synchronization
import TestSupport
import Testing

@testable import Calls

/// Twelve hours in which cables are pulled, in seconds: time is passed in, and devices follow a script.
@Suite("A day of pulled cables", .timeLimit(.minutes(5)))
struct SimulatedDayTests {
    private static let day = Duration.seconds(12 * 3600)
    /// The longest pause between two attempts, and the steps of a stall before it.
    private static let patience = 40

    /// What the day is made of.
    private final class Day {
        let time = TestTime()
        let fixture: Fixture
        let clock: ManualClock
        let machine: ScriptedMachine
        let call: Call
        var generator: SeededGenerator
        var passed = Duration.zero
        var events = 0

        init(seed: UInt64) {
            generator = SeededGenerator(seed: seed)
            let time = time
            let now: @Sendable () -> MonotonicInstant = { time.now }
            func card(_ name: DeviceID, _ direction: AudioDirection, _ kind: AudioDeviceKind) -> ScriptedCard {
                ScriptedCard(
                    AudioDeviceInfo(id: name, name: name.rawValue, direction: direction, kind: kind), now: now)
            }
            machine = ScriptedMachine(
                cards: [
                    card("board:mic", .capture, .builtIn), card("headset:mic", .capture, .usb),
                    card("buds:mic", .capture, .bluetooth), card("board:speaker", .playback, .builtIn),
                    card("headset:speaker", .playback, .usb), card("tv:speaker", .playback, .hdmi),
                ],
                cameras: [ScriptedCamera("front", .front, now: now), ScriptedCamera("back", .back, now: now)])
            fixture = Fixture()
            clock = fixture.clock
            var configuration = CallConfiguration()
            configuration.clock = clock
            configuration.now = now
            configuration.cleanupTimeout = .seconds(1_000_000)
            configuration.leaveMessageTimeout = .seconds(1_000_000)
            let client = Client(
                user: User(id: "kiosk"), service: fixture.service, devices: machine.system, configuration: configuration
            )
            call = client.call(type: "echo", id: "day")
        }

        var hardware: [ScriptedHardware] { machine.cards.map(\.hardware) + machine.cameras.map(\.hardware) }

        /// A second passes, and what it wakes has its turn.
        func second() async {
            passed += .seconds(1)
            time.advance(by: .seconds(1))
            clock.advance(by: .seconds(1))
            for card in machine.cards { card.capture() }
            // What threads of the call do takes no simulated time, but some of this machine's.
            var turns = 0
            while turns < 20 || (turns < 20_000 && !isRight) {
                await Task.yield()
                turns += 1
            }
        }

        /// Whether each kind delivers that could, by one of those that are plugged, free and well: which of them, is for the tests of
        /// routing.
        var isRight: Bool {
            func runs(_ manager: some DeviceManager, _ devices: [ScriptedHardware]) -> Bool {
                let good = devices.filter(\.isGood)
                guard !good.isEmpty else { return manager.status != .enabled }
                return manager.status == .enabled && good.contains { $0.id == manager.selectedDevice && $0.isRunning }
            }
            let cards = machine.cards
            return runs(call.microphone, cards.filter { $0.info.direction == .capture }.map(\.hardware))
                && runs(call.speaker, cards.filter { $0.info.direction == .playback }.map(\.hardware))
                && runs(call.camera, machine.cameras.map(\.hardware))
        }

        func tell(_ event: DeviceSignal.Event, _ device: ScriptedHardware) {
            let isCamera = machine.cameras.contains { $0.hardware === device }
            machine.watch.tell(DeviceSignal(isCamera ? .video : .sound, event, device.id.rawValue))
        }

        func event() async throws {
            events += 1
            let device = hardware.randomElement(using: &generator)!
            let card = machine.cards.randomElement(using: &generator)!
            switch Int.random(in: 0..<16, using: &generator) {
            case 0, 1, 2:
                device.unplug()
                tell(.removed, device)
            case 3, 4, 5:
                device.plugIn()
                tell(.added, device)
            case 6: device.setStalled(!device.state.withLock { $0.isStalled })
            case 7: device.setBusy(true)
            case 8:
                device.setBusy(false)
                tell(.freed, device)
            case 9:
                machine.watch.tell(
                    DeviceSignal(.machine, Bool.random(using: &generator) ? .woke : .clockSet, "machine"))
            case 10: machine.watch.tell(DeviceSignal(.sound, .controlsChanged, "board: Headphone Jack"))
            case 11:
                let isBack = Bool.random(using: &generator)
                machine.watch.tell(DeviceSignal(.soundServer, isBack ? .added : .removed, "pulse"))
            case 12: for total in 1...5 { card.xrun(Int64(total)) }
            case 13: card.script.withLock { $0.sample = Bool.random(using: &generator) ? 0 : 1 }
            case 14:
                // What a person does in between: a device that cannot be had is refused, and the one before goes on.
                let managers: [any DeviceManager] = [call.microphone, call.speaker, call.camera]
                let manager = managers.randomElement(using: &generator)!
                try? await manager.select(Bool.random(using: &generator) ? nil : device.id)
                try? await call.speaker.setSpeakerphone(.random(using: &generator))
                try? await call.speaker.setVolume(.random(in: 0...100, using: &generator))
            default:
                await call.leave()
                try await call.join()
            }
        }
    }

    @Test("Whenever something is plugged, free and well, the call has it again within the longest backoff")
    func day() async throws {
        let seed = SeededGenerator.seedFromEnvironment("SimulatedDayTests.day")
        let day = Day(seed: seed)
        try await day.call.join()
        while day.passed < Self.day {
            try await day.event()
            var waited = 0
            // Asked once a turn: the next change may be under way already.
            var isRight = day.isRight
            while !isRight, waited < Self.patience {
                await day.second()
                waited += 1
                isRight = day.isRight
            }
            if !isRight {
                let call = day.call
                Issue.record(
                    """
                    seed \(seed), \(day.passed): \([call.microphone.status, call.speaker.status, call.camera.status]) \
                    with \(day.hardware.filter(\.isGood).map(\.id)) good; \(String(describing: call.microphone.error)), \
                    \(String(describing: call.speaker.error)), \(String(describing: call.camera.error))
                    """)
                break
            }
            for _ in 0..<Int.random(in: 5...60, using: &day.generator) { await day.second() }
        }
        print("\(day.events) events in \(day.passed)")
        await day.call.leave()
        #expect(day.hardware.allSatisfy { !$0.isRunning && !$0.isOpen })
        #expect(day.machine.watch.listeners == 0 && day.call.lifecycleIsIdle)
    }
}
