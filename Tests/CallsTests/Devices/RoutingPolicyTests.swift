import Foundation
import Media
import Testing

@testable import Calls

@Suite("What is decided about devices, without any")
struct RoutingPolicyTests {
    private func at(_ milliseconds: Int64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: milliseconds * 1_000_000)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var routing: AudioRouting
        var expected: [String]
    }

    private static let devices = [
        AudioDeviceInfo(id: "loop", name: "", direction: .playback, kind: .loopback, card: "Loopback"),
        AudioDeviceInfo(id: "tv", name: "", direction: .playback, kind: .hdmi, card: "HDMI", isConnected: true),
        AudioDeviceInfo(id: "dark tv", name: "", direction: .playback, kind: .hdmi, card: "HDMI", isConnected: false),
        AudioDeviceInfo(id: "board", name: "", direction: .playback, kind: .builtIn, card: "PCH"),
        AudioDeviceInfo(id: "desk", name: "", direction: .playback, kind: .line, card: "Desk"),
        AudioDeviceInfo(id: "headset", name: "", direction: .playback, kind: .usb, card: "Headset"),
        AudioDeviceInfo(id: "dongle", name: "", direction: .playback, kind: .usb, card: "Dongle"),
        AudioDeviceInfo(id: "buds", name: "", direction: .playback, kind: .bluetooth, card: "Buds"),
        AudioDeviceInfo(id: "phones", name: "", direction: .playback, kind: .wired, card: "Phones"),
    ]

    @Test(
        "Order of sound devices",
        arguments: [
            Case(
                testDescription: "Bluetooth, wired, line, built-in, HDMI, loopback; a dark monitor last",
                routing: AudioRouting(),
                expected: ["buds", "phones", "headset", "dongle", "desk", "board", "tv", "loop", "dark tv"]),
            Case(
                testDescription: "speakerphone: built-in, line, HDMI, then as usual",
                routing: AudioRouting(isSpeakerphone: true),
                expected: ["board", "desk", "tv", "buds", "phones", "headset", "dongle", "loop", "dark tv"]),
            Case(
                testDescription: "the speaker goes with the microphone's headset",
                routing: AudioRouting(companion: "Dongle"),
                expected: ["dongle", "buds", "phones", "headset", "desk", "board", "tv", "loop", "dark tv"]),
            Case(
                testDescription: "of two headsets the one that both directions have",
                routing: AudioRouting(pairs: ["Dongle"]),
                expected: ["buds", "phones", "dongle", "headset", "desk", "board", "tv", "loop", "dark tv"]),
            Case(
                testDescription: "a configured order; what it leaves out comes after",
                routing: AudioRouting(order: [.hdmi, .usb]),
                expected: ["tv", "headset", "dongle", "loop", "board", "desk", "buds", "phones", "dark tv"]),
        ])
    func order(test: Case) {
        #expect(test.routing.order(Self.devices).map(\.id.rawValue) == test.expected)
    }

    @Test("A device that fails is tried again after 20 ms, 40 ms, … 10 s, and at once when a signal comes")
    func trials() {
        var trials = DeviceTrials()
        var time: Int64 = 0
        for pause: Int64 in [20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10000, 10000] {
            trials.failed("usb", now: at(time))
            #expect(trials.isHeldBack("usb", now: at(time + pause - 1)))
            #expect(!trials.isHeldBack("usb", now: at(time + pause)))
            #expect(trials.nextTry(now: at(time)) == .milliseconds(pause))
            time += pause
        }
        trials.failed("usb", now: at(time))
        trials.hear(DeviceSignal(.sound, .added, "card1"), now: at(time + 1))
        #expect(!trials.isHeldBack("usb", now: at(time + 1)))
        #expect(!trials.isHeldBack("other", now: at(0)))
        trials.succeeded("usb")
        #expect(trials.nextTry(now: at(time)) == nil)
    }

    @Test("One that is gone is not tried at once when its node changes or is closed, but when something is plugged")
    func goneTrials() {
        var trials = DeviceTrials()
        trials.vanished("usb", now: at(0))
        for event: DeviceSignal.Event in [.accessChanged, .freed] {
            trials.hear(DeviceSignal(.sound, event, "pcmC1D0p"), now: at(60))
        }
        #expect(trials.isHeldBack("usb", now: at(319)) && !trials.isHeldBack("usb", now: at(320)))
        trials.failed("usb", now: at(30))
        #expect(trials.isHeldBack("usb", now: at(349)), "it is gone still")
        trials.hear(DeviceSignal(.sound, .added, "pcmC1D0p"), now: at(100))
        #expect(!trials.isHeldBack("usb", now: at(100)))
        // Its control is not there yet: the next attempt is soon.
        trials.failed("usb", now: at(100))
        #expect(!trials.isHeldBack("usb", now: at(200)))
    }

    @Test("A camera on a full bus is tried as wanted after 10 s, 20 s, … 10 minutes, and sooner when a device goes")
    func roomTrials() {
        var room = RoomTrials()
        var time: Int64 = 0
        for pause: Int64 in [10, 20, 40, 80, 160, 320, 600, 600] {
            room.started(isReduced: true, now: at(time))
            #expect(room.due == at(time + pause * 1000) && !room.isDue(now: at(time + pause * 1000 - 1)))
            time += pause * 1000
            #expect(room.isDue(now: at(time)))
        }
        room.started(isReduced: true, now: at(time))
        func hears(_ event: DeviceSignal.Event, after milliseconds: Int64) -> Bool {
            room.hear(DeviceSignal(.video, event, "video2"), now: at(time + milliseconds))
        }
        // What its own restart closed; what brings no room.
        #expect(!hears(.freed, after: 999) && !hears(.added, after: 2000))
        #expect(hears(.freed, after: 1000) && room.due == at(time + 60_000))
        #expect(!hears(.removed, after: 2000))
        room.started(isReduced: false, now: at(time))
        #expect(room.due == nil && !hears(.removed, after: 5000))
        room.started(isReduced: true, now: at(time))
        #expect(hears(.removed, after: 5000) && room.due == at(time + 5200))
    }

    @Test("One that delivers nothing is spared for 10 s, 20 s, … while another runs, and not where none does")
    func stalledTrials() {
        var trials = DeviceTrials()
        trials.stalled("camera", now: at(0))
        #expect(!trials.isHeldBack("camera", now: at(20)))
        trials.hear(DeviceSignal(.video, .freed, "video0"), now: at(100))
        #expect(trials.isHeldBack("camera", isReplaced: true, now: at(9_999)))
        #expect(!trials.isHeldBack("camera", isReplaced: true, now: at(10_000)))
        trials.stalled("camera", now: at(12_000))
        #expect(trials.nextTry(isReplaced: true, now: at(12_000)) == .seconds(20))
        #expect(trials.nextTry(now: at(12_000)) == .milliseconds(40))
        trials.hear(DeviceSignal(.video, .added, "video1"), now: at(13_000))
        #expect(!trials.isHeldBack("camera", isReplaced: true, now: at(13_000)))
    }

    @Test("A device closed by our own failed attempt is not taken for free, one closed later is")
    func ownClosing() {
        var trials = DeviceTrials()
        for _ in 0..<8 { trials.failed("camera", now: at(0)) }
        trials.hear(DeviceSignal(.video, .freed, "video0"), now: at(10))
        #expect(trials.isHeldBack("camera", now: at(11)))
        trials.hear(DeviceSignal(.video, .freed, "video0"), now: at(60))
        #expect(!trials.isHeldBack("camera", now: at(60)))
    }

    @Test("A stall is met by a restart, then a new opening, then the next device; a device that was well begins anew")
    func ladder() {
        var ladder = StallLadder()
        ladder.stalled(now: at(0))
        #expect(ladder.step == .restart)
        ladder.stalled(now: at(2_000))
        #expect(ladder.step == .reopen)
        ladder.climb(now: at(3_000))
        #expect(ladder.step == .next)
        ladder.stalled(now: at(60_000))
        #expect(ladder.step == .restart)
    }

    @Test("Five xruns in ten seconds are a storm, five in a minute are not")
    func storm() {
        var storm = XrunStorm()
        let calm = (1...5).map { storm.add(total: Int64($0), now: at(Int64($0) * 12_000)) }
        #expect(!calm.contains(true))
        storm.restarted()
        let burst = [4, 5, 6].map { storm.add(total: $0, now: at(100_000 + $0)) }
        #expect(burst == [false, true, false])
    }

    @Test("What came, went and changed is told by name")
    func changes() {
        var before = DeviceLists()
        before.speakers = Array(Self.devices.prefix(3))
        var after = before
        after.speakers.removeFirst()
        after.speakers[0].isConnected = false
        after.speakers.append(Self.devices[5])
        let changes = after.changes(since: before)
        #expect(changes.added.map(\.id) == ["headset"] && changes.removed.map(\.id) == ["loop"])
        #expect(changes.changed.map(\.id) == ["tv"])
        #expect(after.changes(since: after).isEmpty)
    }

    @Test("A choice is remembered by the next run; a broken file is an empty one")
    func memory() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("reprise-\(UUID().uuidString).json")
            .path
        defer { try? FileManager.default.removeItem(atPath: path) }
        DeviceMemory(path: path).remember(.init(id: "usb-1", name: "C920"), of: "camera")
        #expect(DeviceMemory(path: path).choice(of: "camera") == .init(id: "usb-1", name: "C920"))
        DeviceMemory(path: path).remember(nil, of: "camera")
        #expect(DeviceMemory(path: path).choice(of: "camera") == nil)
        try Data("{".utf8).write(to: URL(fileURLWithPath: path))
        #expect(DeviceMemory(path: path).choice(of: "camera") == nil)
    }
}
