import Media
import Testing

@testable import V4L2

@Suite("The choice of a mode")
struct NegotiationTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var modes: [String]
        var target: String
        var isUSB = true
        var chosen: String?

        init(_ fact: String, _ modes: [String], _ target: String, isUSB: Bool = true, _ chosen: String?) {
            testDescription = fact
            (self.modes, self.target, self.isUSB, self.chosen) = (modes, target, isUSB, chosen)
        }
    }

    /// `YUYV 640×480 30,15`.
    static func mode(_ text: String) -> ModeTable.Mode {
        let parts = text.split(separator: " ")
        let size = parts[1].split(separator: "×").compactMap { Int($0) }
        let rates = parts.count > 2 ? parts[2].split(separator: ",").compactMap { UInt32($0) } : []
        return ModeTable.Mode(
            format: FourCC(stringLiteral: String(parts[0])), width: size[0], height: size[1],
            intervals: rates.map { Fraction(1, $0) })
    }

    static let webcam = [
        "YUYV 640×480 30", "YUYV 1280×720 10", "YUYV 1920×1080 5", "MJPG 640×480 30", "MJPG 1280×720 30",
        "MJPG 1920×1080 30",
    ]

    static let cases = [
        Case("a webcam at 720p gives JPEG", webcam, "1280×720 30", "MJPG 1280×720 30"),
        Case("a webcam at VGA gives raw pictures", webcam, "640×480 30", "YUYV 640×480 30"),
        Case("a webcam at 1080p gives JPEG", webcam, "1920×1080 30", "MJPG 1920×1080 30"),
        Case("ten frames a second asked for are raw", webcam, "1280×720 10", "YUYV 1280×720 10"),
        Case(
            "on USB a raw 720p crowds the bus", ["YUYV 1280×720 30", "MJPG 1280×720 30"], "1280×720 30",
            "MJPG 1280×720 30"),
        Case(
            "on another bus raw is taken", ["YUYV 1280×720 30", "MJPG 1280×720 30"], "1280×720 30", isUSB: false,
            "YUYV 1280×720 30"),
        Case(
            "what needs no repacking comes first", ["YUYV 640×360 30", "NV12 640×360 30", "YU12 640×360 30"],
            "640×360 30", "YU12 640×360 30"),
        Case("the nearest rate", ["YUYV 640×360 60,30,15"], "640×360 30", "YUYV 640×360 30"),
        Case("a faster rate before a slower", ["YUYV 640×360 30,15"], "640×360 24", "YUYV 640×360 30"),
        Case("too slow before too small", ["YUYV 1280×720 5", "YUYV 640×480 30"], "1280×720 30", "YUYV 640×480 30"),
        Case(
            "larger before smaller", ["YUYV 640×480 30", "YUYV 1920×1080 30"], "1280×720 30", isUSB: false,
            "YUYV 1920×1080 30"),
        Case("the same shape", ["YUYV 640×480 30", "YUYV 640×360 30"], "1280×720 30", "YUYV 640×360 30"),
        Case("grey is better than nothing", ["GREY 640×480 30", "H264 1280×720 30"], "1280×720 30", "GREY 640×480 30"),
        Case("what nobody can read is not chosen", ["H264 1280×720 30", "CNF4 640×480 30"], "1280×720 30", nil),
        Case("no rates listed", ["YUYV 640×360"], "640×360 30", "YUYV 640×360"),
        Case("nothing", [], "640×360 30", nil),
    ]

    @Test("is the nearest that costs least", arguments: cases)
    func chooses(_ example: Case) {
        let goal = Self.mode("YUYV " + example.target)
        let target = VideoTarget(width: goal.width, height: goal.height, framesPerSecond: goal.intervals[0].rate)
        let table = ModeTable(modes: example.modes.map(Self.mode))
        let best = Negotiation.rank(table, for: target, isUSB: example.isUSB).first
        let text = best.map { choice in
            "\(choice.format) \(choice.width)×\(choice.height)" + (choice.interval.map { " \(Int($0.rate))" } ?? "")
        }
        #expect(text == example.chosen)
    }

    @Test(
        "fits a range of sizes to the target, within its steps",
        arguments: [
            (1280, 720, 1280, 720), (641, 361, 640, 360), (9_000, 9_000, 4_096, 2_160), (1, 1, 32, 16),
        ])
    func ranges(width: Int, height: Int, fittedWidth: Int, fittedHeight: Int) {
        let size = FrameSize(width: 32...4_096, height: 16...2_160, widthStep: 16, heightStep: 8)
        let table = ModeTable(ranges: [.init(format: "NV12", size: size)])
        let target = VideoTarget(width: width, height: height, framesPerSecond: 30)
        let best = Negotiation.rank(table, for: target, isUSB: false).first
        #expect(best?.width == fittedWidth && best?.height == fittedHeight)
    }

    @Test("A driver that lists sizes without an end is believed only so far")
    func endless() throws {
        let kernel = ScriptedKernel { $0.modes = (1...5_000).map { ("YUYV", $0, $0, Fraction(1, 30)) } }
        let table = try ModeTable(kernel, 3, .singlePlanar)
        #expect(table.modes.count == 256)
    }
}

@Suite("What a driver says of a camera")
struct CameraNodeTests {
    @Test(
        "Only nodes that capture pictures are cameras",
        arguments: [
            (0x0400_0001, true), (0x0400_1000, true),  // capture, single- and multi-planar
            (0x0480_0000, false), (0x0400_0002, false),  // metadata, output
            (0x0400_8000, false), (0x0400_4000, false), (0x0400_0003, false),  // memory to memory
            (0x1400_0001, false), (0x0100_0001, false), (0, false),  // touch; without streaming
        ])
    func captureNodes(flags: UInt32, isCamera: Bool) {
        let capability = NodeCapability(driver: "d", card: "c", bus: "b", version: 0, flags: flags)
        #expect((capability.bufferAPI != nil) == isCamera)
    }

    @Test(
        "The direction comes from the driver, the name, or the port",
        arguments: [
            (0, "x", "platform:a", nil, CameraDirection.front), (1, "Front", "platform:a", nil, .back),
            (2, "x", "platform:a", nil, .external), (nil, "Rear Camera", "usb-1", "fixed", .back),
            (nil, "Integrated Camera: Integrated C", "usb-1", nil, .front), (nil, "Webcam", "usb-1", "fixed", .front),
            (nil, "HD Pro Webcam C920", "usb-1", "removable", .external), (nil, "Webcam", "usb-1", nil, .external),
            (nil, "vivid", "platform:vivid-000", nil, .unknown), (nil, "Backlight Pro", "usb-1", nil, .external),
        ] as [(Int64?, String, String, String?, CameraDirection)])
    func direction(orientation: Int64?, name: String, bus: String, removable: String?, expected: CameraDirection) {
        let direction = NodeScanner.direction(orientation: orientation, name: name, bus: bus, removable: removable)
        #expect(direction == expected)
    }

    @Test("A FourCC is written as v4l2-ctl writes it", arguments: ["YUYV", "MJPG", "Y16 ", "BA81"])
    func fourCC(text: String) { #expect(FourCC(stringLiteral: text).description == text) }

    @Test("A control's name is v4l2-ctl's")
    func controlNames() {
        let names = [
            "Exposure Time, Absolute", "White Balance Temperature, Auto", "Brightness", "Power Line Frequency",
        ]
        let written = names.map { title in
            ControlDescription(
                id: 1, kind: .integer, title: title, minimum: 0, maximum: 1, step: 1, defaultValue: 0
            ).name
        }
        #expect(
            written == [
                "exposure_time_absolute", "white_balance_temperature_auto", "brightness", "power_line_frequency",
            ])
    }
}

@Suite("Frames and their count")
struct FrameAccountingTests {
    private let start = MonotonicInstant(nanoseconds: 1_000_000_000)

    private func judged(_ sequences: [UInt32], starvedFor: Duration = .zero) -> Int64 {
        var accounting = FrameAccounting(startedAt: start, interval: .milliseconds(33))
        for sequence in sequences {
            _ = accounting.judge(
                sequence: sequence, timestamp: start, isWhole: true, now: start, starvedFor: starvedFor)
        }
        return accounting.dropped
    }

    @Test(
        "Gaps are lost frames; a count that wraps is none, nor one that begins anew",
        arguments: [
            ([0, 1, 2], 0), ([0, 2, 5], 3), ([7, 8], 0), ([.max - 1, .max, 0, 1], 0), ([.max, 2], 2),
            ([100, 0, 1], 0), ([3, 3, 4], 0),
        ] as [([UInt32], Int64)])
    func gaps(sequences: [UInt32], lost: Int64) { #expect(judged(sequences) == lost) }

    @Test("A famine is counted where the driver does not count what it lost")
    func famine() {
        #expect(judged([0, 1], starvedFor: .milliseconds(100)) == 3)
        #expect(judged([0, 4], starvedFor: .milliseconds(100)) == 3)
    }

    @Test(
        "A clock that is not the driver's promised one is told by its frames, and they are delivered at their arrival")
    func wrongClock() {
        var accounting = FrameAccounting(startedAt: start, interval: .zero)
        let now = start + .seconds(1)
        func judge(_ timestamp: MonotonicInstant?) -> FrameAccounting.Verdict {
            accounting.judge(sequence: 0, timestamp: timestamp, isWhole: true, now: now, starvedFor: .zero)
        }
        #expect(judge(start + .milliseconds(5)) == .deliver(capturedAt: start + .milliseconds(5)))
        #expect(judge(nil) == .deliver(capturedAt: now))
        #expect(judge(now + .seconds(9)) == .deliver(capturedAt: now))
        for _ in 0..<32 { #expect(judge(MonotonicInstant(nanoseconds: 5)) == .drop) }
        #expect(judge(MonotonicInstant(nanoseconds: 5)) == .deliver(capturedAt: now))
    }
}
