import Reprise
import Testing

@testable import Calls
@testable import reprise_cli

/// The command's, not the one that the room services have within the package.
private typealias JSON = reprise_cli.JSON

@Suite("Text, tables and JSON")
struct TextTests {
    @Test("JSON keeps the order of its keys and quotes what RFC 8259 asks for")
    func json() {
        let value: JSON = [
            "z": "a\"b\\c\n\u{1}é", "a": [.null, .bool(true), .integer(-3)], "n": JSON(12.34567),
            "none": JSON(nil as Int?),
        ]
        #expect(value.text == #"{"z":"a\"b\\c\n\u0001é","a":[null,true,-3],"n":12.346,"none":null}"#)
    }

    @Test(
        "numbers are written to the thousandth, whole ones without decimals, and impossible ones as null",
        arguments: [(30.0, "30"), (0.0004, "0"), (-1.5, "-1.5"), (.infinity, "null"), (.nan, "null"), (12.3, "12.3")])
    func numbers(value: Double, text: String) { #expect(JSON.number(value).text == text) }

    @Test(
        "fixed decimals round and fill",
        arguments: [(1.005, 1, "1.0"), (0.05, 1, "0.1"), (-0.04, 1, "0.0"), (-2.5, 0, "-3"), (3.0, 2, "3.00")])
    func fixed(value: Double, digits: Int, text: String) { #expect(value.fixed(digits) == text) }

    @Test(
        "a clock shows minutes and seconds, and hours when there are any",
        arguments: [(5, "0:05"), (65, "1:05"), (3661, "1:01:01")])
    func clock(seconds: Int, text: String) { #expect(Duration.seconds(seconds).clockText == text) }

    @Test("a table aligns its columns and leaves no spaces at the end of a line")
    func table() {
        var table = Table(["A", "LONG", "N"], rightAligned: [2])
        table.add(["first", "x", "7"])
        table.add(["b", "", ""])
        #expect(table.lines == ["A      LONG  N", "first  x     7", "b"])
    }

    @Test(
        "seconds are read where they can be",
        arguments: [("1.5", 1.5), ("0", 0.0), ("-1", nil), ("", nil), ("inf", nil), ("1e9", nil), ("2 s", nil)])
    func seconds(text: String, value: Double?) {
        #expect(Seconds(argument: text)?.duration == value.map { .nanoseconds(Int64($0 * 1e9)) })
    }

    @Test(
        "a picture size is two even numbers with an x between them",
        arguments: [
            ("640x480", true), ("640X480", true), ("641x480", false), ("640", false), ("x", false), ("8x8", false),
        ])
    func size(text: String, isSize: Bool) { #expect((PictureSize(argument: text) != nil) == isSize) }
}

@Suite("The mirror's live line")
struct LiveStatusTests {
    @Test(
        "a level is a bar of ten cells from -60 dBov to 0",
        arguments: [
            (-127.0, "▕          ▏", "[          ]"), (-60, "▕          ▏", "[          ]"),
            (-30, "▕█████     ▏", "[#####     ]"), (-27, "▕█████▌    ▏", "[#####     ]"),
            (0, "▕██████████▏", "[##########]"), (6, "▕██████████▏", "[##########]"),
        ])
    func bars(level: Double, unicode: String, plain: String) {
        #expect(LiveStatus.bar(level, unicode: true) == unicode)
        #expect(LiveStatus.bar(level, unicode: false) == plain)
    }

    @Test("frames a second are those of the last second, and begin anew with a session")
    func frameRate() {
        var rate = FrameRate()
        func at(_ milliseconds: Int64) -> MonotonicInstant { MonotonicInstant(nanoseconds: milliseconds * 1_000_000) }
        #expect(rate.add(0, at: at(0)) == nil)
        #expect(rate.add(3, at: at(100)) == nil)
        #expect(rate.add(30, at: at(1000)) == 30)
        #expect(rate.add(60, at: at(3000)) == 15)
        #expect(rate.add(1, at: at(3100)) == nil)
    }

    @Test("devices' names are left out where the terminal is too narrow for them")
    func width() {
        var statistics = CallStatistics()
        let info = AudioStreamInfo(
            device: "hw:CARD=Headset,DEV=0", sampleFormat: "S16_LE", rate: 48_000, channels: 1, periodFrames: 480,
            bufferFrames: 4800, access: "mmap", reused: false, realTime: .notAsked)
        statistics.microphone = .init(info: info, stream: AudioStreamStatistics(), first: nil)
        let status = LiveStatus(session: 2, elapsed: .seconds(61), statistics: statistics, framesPerSecond: nil)
        #expect(status.text(width: 200, unicode: false).contains("mic hw:CARD=Headset,DEV=0 ["))
        #expect(status.text(width: 60, unicode: false) == "session 2  1:01  mic [          ] silent  xruns 0")
    }
}

@Suite("Figures of the restart benchmark")
struct FigureTests {
    @Test(
        "a percentile is a measured value: the smallest that so many do not exceed",
        arguments: [(50.0, 50.0), (95, 95), (100, 100), (0, 1), (99.1, 100)])
    func percentiles(percent: Double, value: Double) {
        var measurements = Measurements()
        for value in (1...100).shuffled() { measurements.add(.milliseconds(value)) }
        #expect(measurements.percentile(percent) == value)
    }

    @Test("of nothing there are no figures, and of one value all are that one")
    func few() {
        var measurements = Measurements()
        measurements.add(nil)
        #expect(measurements.p50 == nil && measurements.p95 == nil && measurements.max == nil)
        measurements.add(.microseconds(1500))
        #expect(measurements.p50 == 1.5 && measurements.p95 == 1.5 && measurements.max == 1.5)
    }

    @Test(
        "an axis ends at a round number at or above the largest value",
        arguments: [(0.0, 0.001), (3.1, 4), (10, 10), (47, 50), (101, 120), (1234, 1400)])
    func axis(largest: Double, end: Double) {
        let axis = PlotAxis(largest)
        #expect(axis.end == end || axis.end >= largest)
        #expect(axis.ticks.first == 0)
        #expect((3...9).contains(axis.ticks.count))
    }

    @Test("a plot has a dot, a line and a floor for a row, and its texts cannot break it")
    func plot() {
        var call = Measurements()
        call.add(.milliseconds(3))
        var floor = Measurements()
        floor.add(.milliseconds(2))
        let report = RestartReport(
            cycles: 1,
            rows: [
                .init(standby: .warm, metric: .firstBlock, device: "hw:<&>", call: call, floor: floor),
                .init(standby: .release, metric: .leave, device: nil, call: Measurements(), floor: Measurements()),
            ])
        let svg = RestartPlot(report).svg
        #expect(svg.contains("hw:&lt;&amp;&gt;"))
        #expect(svg.components("class=\"dot\"") == 1)
        #expect(svg.components("class=\"floor\"") == 1)
        #expect(svg.components("<svg ") == 1 && svg.hasSuffix("</svg>\n"))
        #expect(svg.contains("standby warm") && !svg.contains("standby release"))
    }
}

extension String {
    /// How often a text occurs.
    fileprivate func components(_ text: String) -> Int { ranges(of: text).count }
}
