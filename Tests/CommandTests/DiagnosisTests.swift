import Reprise
import Testing

@testable import reprise_cli

@Suite("The doctor's judgement")
struct DiagnosisTests {
    /// A machine on which all is well.
    private var healthy: MachineFacts {
        var facts = MachineFacts()
        facts.user = "ann"
        facts.groups = ["audio", "video"]
        facts.groupsOnFile = ["audio", "video"]
        facts.soundCards = ["PCH"]
        facts.soundNodes = [.init(path: "/dev/snd/pcmC0D0c", canOpen: true, group: "audio")]
        facts.videoNodes = [.init(path: "/dev/video0", canOpen: true, group: "video")]
        facts.microphones = [.init(id: "hw:CARD=PCH,DEV=0", name: "Built-in", isMuted: false, volume: 70)]
        facts.speakers = [.init(id: "hw:CARD=PCH,DEV=0", name: "Built-in", isMuted: false, volume: 70)]
        facts.cameras = [.init(id: "/dev/video0", name: "Camera")]
        facts.realTime = .granted(priority: 20)
        return facts
    }

    private func findings(_ change: (inout MachineFacts) -> Void) -> [Finding] {
        var facts = healthy
        change(&facts)
        return Diagnosis.findings(facts)
    }

    @Test("where all is well every finding says so")
    func allWell() { #expect(findings { _ in }.allSatisfy { $0.level == .ok }) }

    @Test("each thing that is amiss is told with the command that mends it", arguments: Self.troubles)
    func amiss(_ trouble: Trouble) {
        let found = findings(trouble.change).filter { $0.level != .ok }
        #expect(found.map(\.subject) == [trouble.subject])
        #expect(found.first?.text.contains(trouble.text) == true, "\(found)")
        #expect(found.first?.remedy?.contains(trouble.remedy) == true, "\(found)")
    }

    struct Trouble: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var subject: String
        var text: String
        var remedy: String
        var change: @Sendable (inout MachineFacts) -> Void

        init(
            _ name: String, _ subject: String, _ text: String, _ remedy: String,
            _ change: @escaping @Sendable (inout MachineFacts) -> Void
        ) {
            testDescription = name
            self.subject = subject
            self.text = text
            self.remedy = remedy
            self.change = change
        }
    }

    private static let troubles = [
        Trouble("priority refused by both", "real time", "by rtkit (no system bus)", "apt-get install rtkit") {
            $0.realTime = .refused(errno: 1)
            $0.rtkitRefusal = "no system bus"
        },
        Trouble("no udev", "hot plug", "/dev is watched instead", "systemctl start systemd-udevd") {
            $0.hasUdev = false
        },
        Trouble("few open files", "open files", "64 at most", "ulimit -n 4096") { $0.openFiles = 64 },
        Trouble("a muted microphone", "microphone", "is muted", "amixer -c PCH sset 'Front Mic' 80% cap") {
            $0.microphones[0].isMuted = true
            $0.microphones[0].muteControl = "Front Mic"
        },
        Trouble("an empty socket", "speaker", "has nothing in its socket", "plug it in") {
            $0.speakers.append(.init(id: "hw:CARD=PCH,DEV=3", name: "HDMI 0", isConnected: false))
        },
        Trouble("two cameras on one bus", "USB", "/dev/video0, /dev/video2 share the controller", "lsusb -t") {
            $0.cameras[0].controller = "0000:00:14.0"
            $0.cameras.append(.init(id: "/dev/video2", name: "Camera", controller: "0000:00:14.0"))
        },
        Trouble("the sound server is down", "speaker", "Connection refused", "systemctl --user restart pipewire") {
            $0.speakers.append(
                .init(
                    id: "default", name: "PipeWire", isSoundServer: true, state: .unusable("Connection refused")))
        },
        Trouble("a camera that somebody has", "camera", "in use by firefox (pid 812)", "kill 812") {
            $0.cameras[0].state = .busy("firefox (pid 812)")
        },
    ]

    @Test("a camera's USB controller is in its bus path")
    func controller() {
        #expect(USBController(of: "usb-0000:00:14.0-1.2")?.name == "0000:00:14.0")
        #expect(USBController(of: "usb-0000:00:14.0-4/0")?.name == "0000:00:14.0")
        #expect(USBController(of: "platform:vivid-000/0") == nil)
    }

    @Test("nodes that may not be opened are mended by their group")
    func noPermission() {
        let found = findings {
            $0.videoNodes[0].canOpen = false
            $0.groups = ["audio"]
            $0.groupsOnFile = ["audio"]
        }
        let finding = found.first { $0.level == .warning }
        #expect(finding?.text == "ann may not open /dev/video0")
        #expect(finding?.remedy == "sudo usermod -aG video ann, then log out and in again")
    }

    @Test("a group that was joined after the login needs a new login")
    func staleLogin() {
        let found = findings {
            $0.soundNodes[0].canOpen = false
            $0.groups = []
        }
        #expect(found.first { $0.level == .warning }?.remedy?.hasPrefix("log out and in again") == true)
    }

    @Test("without a microphone or a speaker a call does not work", arguments: [true, false])
    func missing(isMicrophone: Bool) {
        let found = findings { if isMicrophone { $0.microphones = [] } else { $0.speakers = [] } }
        #expect(found.filter { $0.level == .failure }.map(\.subject) == [isMicrophone ? "microphone" : "speaker"])
    }

    @Test("a device that somebody holds is told with its holder, and stops a call only where there is no other")
    func busy() {
        let alone = findings { $0.microphones[0].state = .busy("firefox (pid 812)") }.first { $0.level == .failure }
        #expect(alone?.text == "hw:CARD=PCH,DEV=0 is in use by firefox (pid 812)")
        #expect(alone?.remedy == "close that program, or: kill 812")
        let other = findings {
            $0.microphones[0].state = .busy(nil)
            $0.microphones.append(.init(id: "hw:CARD=USB,DEV=0", name: "Headset"))
        }
        #expect(!other.contains { $0.level == .failure })
    }

    @Test("a muted or silent mixer is told with the command for its card")
    func muted() {
        let muted = findings { $0.speakers[0].isMuted = true }.first { $0.level == .warning }
        #expect(muted?.text == "hw:CARD=PCH,DEV=0 (Built-in) is muted")
        #expect(muted?.remedy == "amixer -c PCH sset Master 80% unmute")
        let silent = findings { $0.microphones[0].volume = 0 }.first { $0.level == .warning }
        #expect(silent?.remedy == "amixer -c PCH sset Capture 80% cap")
    }

    @Test("a sound server that does not run is told how to start")
    func noServer() {
        let found = findings {
            $0.speakers = [
                .init(id: "default", name: "PipeWire", isSoundServer: true, state: .unusable("Host is down"))
            ]
        }
        #expect(found.first { $0.level == .failure }?.remedy?.contains("systemctl --user") == true)
    }

    @Test("no real-time priority is a warning with the limit to set")
    func noRealTime() {
        let finding = findings { $0.realTime = .refused(errno: 1) }.first { $0.level == .warning }
        #expect(finding?.remedy?.contains("rtprio") == true)
    }

    @Test("no camera, no screen and no sound cards are notes: calls work without them")
    func notes() {
        let found = findings {
            $0.cameras = []
            $0.screenTrouble = "DISPLAY is not set"
            $0.soundCards = nil
        }
        #expect(found.filter { $0.level == .note }.map(\.subject) == ["sound cards", "camera", "screen"])
        #expect(!found.contains { $0.level == .failure })
    }

    @Test("the cards of /proc/asound are read by their ids")
    func cards() {
        let text = """
             0 [PCH            ]: HDA-Intel - HDA Intel PCH
                                  HDA Intel PCH at 0xa4318000 irq 142
             1 [Headset        ]: USB-Audio - USB Headset [rev 2]
                                  Maker USB Headset at usb-0000:00:14.0-1, full speed
            """
        #expect(MachineFacts.cards(text) == ["PCH", "Headset"])
        #expect(MachineFacts.cards("--- no soundcards ---\n").isEmpty)
    }
}
