import Media
import Reprise
import Synchronization
import Testing

@Suite("Unplug and replug in a running call, with the gap of each", .enabled(if: DeviceLab.isHere), .serialized)
struct CallUnplugGapTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var device: LabDevice
        var devices: CallInLab.Devices
        /// The card's id, and the id of the one that takes over.
        var card: String
        var next: String
        var testDescription: String { device.testDescription }
    }

    static let cases = [
        Case(device: .loopbackCard, devices: .loopback, card: "Loopback", next: "Second"),
        Case(device: .hdaCard, devices: .hda, card: "Intel", next: "Loopback"),
        Case(device: .usbCard, devices: .usbSpeaker, card: "Audio", next: "Loopback"),
    ]

    /// The most blocks of 10 ms that may be neither silence nor the tone: where it breaks off at one card and begins at another.
    static let edges = 10

    @Test("the floor: a bare open and start of another card", arguments: ["Second", "Audio"])
    func floor(card: String) throws {
        for readsConfiguration in [false, true] {
            let times = try (1...5).map { _ in
                try BareStart.playback("hw:CARD=\(card),DEV=0", readsConfiguration: readsConfiguration).milliseconds
            }
            try GapTable.add(
                Gap(
                    device: "floor: \(card)",
                    event: "bare open and start" + (readsConfiguration ? ", configuration read anew" : ""),
                    delivers: median(times), then: "hw:CARD=\(card),DEV=0"))
        }
    }

    @Test(
        "a sound card: the next takes over, and it is taken again when it is back; five times, heard without noise",
        arguments: cases)
    func soundCard(test: Case) async throws {
        let watch = try await FaultWatch(test.devices)
        let affected = watch.lab.managers.filter { $0.selectedDevice?.rawValue.contains(test.card) == true }
        for _ in 1...5 {
            try await pullOut(test, affected, watch)
            try await putBack(test, affected, watch)
        }
        await watch.end()
    }

    private func pullOut(_ test: Case, _ affected: [any DeviceManager], _ watch: FaultWatch) async throws {
        // The HDA card's microphone hears nothing in the lab.
        let isHeard = test.card != "Intel"
        if isHeard { #expect(await watch.far.hears(after: .now())) }
        let pulling = test.device.pullOut()
        let begun = await reached { pulling.begunAt != nil }
        try #require(begun)
        let pulled = try #require(pulling.begunAt)
        let gone = await watch.kernel.waitFor("remove", "pcm", after: pulled)
        let next = try await watch.running(affected, on: test.next, since: pulled)
        #expect(await watch.far.hears(after: pulled + .milliseconds(500)))
        #expect(watch.far.noise(after: pulled) <= Self.edges)
        try watch.tell(
            test.device.testDescription, "unplugged", affected, begun: pulled, floor: gone, next: next,
            missing: isHeard ? watch.far.missingSound(after: pulled) : nil)
        #expect(await pulling.end() == nil)
    }

    private func putBack(_ test: Case, _ affected: [any DeviceManager], _ watch: FaultWatch) async throws {
        let asked = MonotonicInstant.now()
        await test.device.putBack()
        // The control is the last node of a card that the kernel makes: from then on it can be opened.
        let isBack = try #require(await watch.kernel.waitFor("add", "controlC", after: asked))
        // The call may have it before the reader of the kernel's messages had its turn.
        let next = try await watch.running(affected, on: test.card, since: asked)
        // The voice at the loopback card went with it.
        let isHeard = test.card == "Audio"
        if isHeard { #expect(await watch.far.hears(after: isBack + .milliseconds(500))) }
        #expect(watch.far.noise(after: asked) <= Self.edges)
        try watch.tell(
            test.device.testDescription, "back", affected, begun: isBack, next: next, isFault: false,
            missing: isHeard ? watch.far.missingSound(after: isBack) : nil)
        if test.card == "Loopback" { try await FaultWatch.speak(into: test.card) }
    }

    @Test("all cameras: the call goes on without, and takes the camera again when it is back")
    func cameras() async throws {
        let watch = try await FaultWatch(.camera)
        #expect(await watch.far.sees(after: .init(nanoseconds: 0)))
        let camera = watch.lab.call.camera
        let pulling = LabDevice.cameras.pullOut()
        let isTold = await reached { camera.error != nil }
        #expect(isTold && camera.error?.code == .disconnected, "\(String(describing: camera.error))")
        #expect(camera.status == .disabled)
        let gone = await watch.kernel.waitFor("remove", "video")
        let pulled = try #require(pulling.begunAt)
        try watch.tell("the cameras", "unplugged", [camera], begun: pulled, floor: gone)
        #expect(await pulling.end() == nil)
        #expect(watch.lab.call.state.connection.value == .joined)

        let asked = MonotonicInstant.now()
        await LabDevice.cameras.putBack()
        let isBack = try #require(await watch.kernel.waitFor("add", "video0", after: asked))
        try await watch.running([camera], on: nil, since: isBack)
        #expect(await watch.far.sees(after: isBack))
        let seen = watch.far.firstPicture(after: isBack)
        try watch.tell(
            "the cameras", "back", [camera], begun: isBack, isFault: false, missing: seen.map { $0 - isBack })
        await watch.end()
    }
}

@Suite("Other faults of sound devices, with the gap of each", .enabled(if: DeviceLab.isHere), .serialized)
struct CallSoundGapTests {
    @Test("a microphone that another program holds is replaced, and taken when it is freed")
    func busyThenFreed() async throws {
        let watch = try await FaultWatch(.hda, holdingMicrophoneOf: "Intel")
        let microphone = watch.lab.call.microphone
        let holder = try #require(watch.holder)
        #expect(microphone.selectedDevice?.rawValue.contains("Loopback") == true)
        #expect(await watch.far.hears(after: .init(nanoseconds: 0)))
        let freed = holder.letGo()
        try await watch.running([microphone], on: "Intel", since: freed)
        try watch.tell("the HDA microphone", "busy, then freed", [microphone], begun: freed, isFault: false)
        await watch.end()
    }

    @Test("cards that come back with each other's numbers are known by their ids")
    func renumbered() async throws {
        let watch = try await FaultWatch(.loopback)
        let managers = watch.lab.managers
        let number = try await DeviceLab.shell("readlink /proc/asound/Loopback").output
        let pulling = [LabDevice.secondCard, .loopbackCard].map { $0.pullOut() }
        let gone = try #require(await watch.kernel.waitFor("remove", "pcm"))
        for one in pulling { #expect(await one.end() == nil) }
        await RunningProgram.stopAll()
        try await reload(indices: "4,0")
        let isBack = try #require(await watch.kernel.waitFor("add", "controlC4", after: gone))
        try await watch.running(managers, on: "Loopback", since: gone)
        #expect(try await DeviceLab.shell("readlink /proc/asound/Loopback").output != number)
        try watch.tell("the loopback card", "back as another number", managers, begun: isBack, isFault: false)
        await watch.end()
        try await reload(indices: "0,4")
    }

    private func reload(indices: String) async throws {
        let modprobe = "modprobe -d $LAB_KERNEL"
        let result = try await DeviceLab.shell(
            "\(modprobe) -r snd-aloop && \(modprobe) snd-aloop index=\(indices) id=Loopback,Second enable=1,1")
        try #require(result.status == 0, "\(result.errors)")
    }

    @Test("a jack that is plugged is told, and the sound goes on")
    func jack() async throws {
        let jack = try UserJack("Headphone Jack", card: "Intel")
        let watch = try await FaultWatch(.loopback)
        #expect(await watch.far.hears(after: .init(nanoseconds: 0)))
        let machine = DeviceSystem.machine.watch
        let told = Mutex<[MonotonicInstant]>([])
        let listener = Task {
            for await signal in machine.signals() where signal.name.contains("Headphone Jack") {
                if signal.event == .controlsChanged { told.withLock { $0.append(.now()) } }
            }
        }
        defer { listener.cancel() }
        // Until the cards are being listened to.
        var isPlugged = false
        let listens = await reached {
            isPlugged.toggle()
            _ = jack.set(isPlugged)
            return told.withLock { !$0.isEmpty }
        }
        try #require(listens)
        for _ in 1...2 {
            let event = isPlugged ? "jack pulled" : "jack plugged"
            isPlugged.toggle()
            let at = jack.set(isPlugged)
            let isTold = await reached { told.withLock { $0.last ?? at } > at }
            try #require(isTold)
            #expect(await watch.far.hears(after: at + .milliseconds(500)))
            try GapTable.add(
                Gap(
                    device: "the HDA card", event: event, told: told.withLock { $0.last ?? at }.ms(since: at),
                    missing: watch.far.missingSound(after: at).milliseconds,
                    then: watch.lab.call.speaker.selectedDevice?.rawValue ?? "none"))
        }
        #expect(watch.lab.managers.allSatisfy { $0.recoveries.losses == 0 && $0.error == nil })
        await watch.end()
    }

    @Test("what is plugged into a jack is where the sound goes, until it is pulled")
    func jackRoutes() async throws {
        let jack = try UserJack("Headphone Jack", card: "Intel")
        _ = jack.set(false)
        var routing = CallInLab.recovering
        routing.order = [.wired] + routing.order
        var devices = CallInLab.Devices.loopback
        devices.speaker = nil
        let watch = try await FaultWatch(devices, routing: routing)
        let speaker = watch.lab.call.speaker
        try await speaker.enable()
        try await watch.running([speaker], on: "Loopback", since: .init(nanoseconds: 0))
        for (isPlugged, card, event) in [(true, "Intel", "jack plugged"), (false, "Loopback", "jack pulled")] {
            let at = jack.set(isPlugged)
            let next = try await watch.running([speaker], on: card, since: at)
            try watch.tell(
                "the HDA card", "\(event): the sound moves", [speaker], begun: at, next: next, isFault: false)
        }
        #expect(speaker.recoveries.losses == 0 && speaker.error == nil)
        await watch.end()
    }
}
