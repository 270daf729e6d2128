import Calls
import Media
import Rooms
import Scopes
import TestSupport
import Testing

/// A machine whose devices follow a script, and a call on it, with time passed in.
struct ScriptedCall {
    let time = TestTime()
    let clock = ManualClock()
    let machine: ScriptedMachine
    let call: Call

    init(service: ScriptedService = ScriptedService(), configure: (inout CallConfiguration) -> Void = { _ in }) {
        let time = time
        let now: @Sendable () -> MonotonicInstant = { time.now }
        func card(_ id: DeviceID, _ direction: AudioDirection, _ kind: AudioDeviceKind, name: String? = nil)
            -> ScriptedCard
        {
            ScriptedCard(
                AudioDeviceInfo(
                    id: id, name: name ?? id.rawValue, direction: direction, kind: kind,
                    card: id.rawValue.split(separator: ":").first.map(String.init)), now: now)
        }
        machine = ScriptedMachine(
            cards: [
                card("headset:mic", .capture, .usb, name: "Headset"), card("board:mic", .capture, .builtIn),
                card("headset:speaker", .playback, .usb), card("board:speaker", .playback, .builtIn),
                card("other socket:mic", .capture, .hdmi, name: "Headset"),
            ],
            cameras: [
                ScriptedCamera("front", .front, now: now), ScriptedCamera("back", .back, now: now),
                ScriptedCamera("second front", .front, now: now),
            ])
        var configuration = CallConfiguration()
        configuration.clock = clock
        configuration.now = now
        configure(&configuration)
        let client = Client(
            user: User(id: "ada"), service: service, devices: machine.system, configuration: configuration)
        call = client.call(type: "echo", id: "kitchen")
        self.card("other socket:mic").hardware.unplug()
    }

    func card(_ id: DeviceID) -> ScriptedCard { machine.cards.first { $0.info.id == id }! }
    func camera(_ id: DeviceID) -> ScriptedCamera { machine.cameras.first { $0.info.id == id }! }

    func plugIn(_ id: DeviceID) {
        card(id).hardware.plugIn()
        machine.watch.tell(DeviceSignal(.sound, .added, id.rawValue))
    }

    func unplug(_ id: DeviceID) {
        card(id).hardware.unplug()
        machine.watch.tell(DeviceSignal(.sound, .removed, id.rawValue))
    }

    func advance(by duration: Duration) {
        time.advance(by: duration)
        clock.advance(by: duration)
    }

    /// Time passes, 20 ms at a time.
    func pass(_ duration: Duration) async {
        let end = time.now + duration
        await step { time.now >= end }
    }

    /// Lets time pass in steps of 20 ms until the condition holds, for a minute of it at most.
    func until(_ location: SourceLocation = #_sourceLocation, _ condition: () -> Bool) async {
        await step(until: condition)
        #expect(condition(), "within a minute: \(standing)", sourceLocation: location)
    }

    /// What the devices of the call say, for who looks into a failure.
    private var standing: String {
        let managers: [any DeviceManager] = [call.microphone, call.speaker, call.camera]
        return managers.map {
            "\($0.status) \($0.selectedDevice?.rawValue ?? "none") \($0.error?.description ?? "") \($0.recoveries)"
        }.joined(separator: "; ") + " \(machine.cards.map { ($0.info.id, $0.hardware.starts, $0.hardware.isRunning) })"
    }

    private func step(until condition: () -> Bool) async {
        for _ in 0..<3000 where !condition() {
            advance(by: .milliseconds(20))
            for card in machine.cards { card.capture() }
            for _ in 0..<300 { await Task.yield() }
        }
    }

    func runs(_ manager: some DeviceManager, _ id: DeviceID) -> Bool {
        manager.status == .enabled && manager.selectedDevice == id
    }

    func joinAndRun() async throws {
        try await call.join()
        await until { runs(call.microphone, "headset:mic") && runs(call.speaker, "headset:speaker") }
    }
}
