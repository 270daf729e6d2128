import Codecs
import Rooms
import Testing

@testable import Calls

@Suite("What the uplink bears is shared out")
struct UplinkAdaptationTests {
    @Test(
        "Sound comes first: pictures get what is left, pause where that is too little, and come back with room to spare"
    )
    func soundFirst() throws {
        var adaptation = UplinkAdaptation(OpusSettings())
        let paused: [TrackKind: Int?] = [.video: nil]
        func plan(_ bitsPerSecond: Int) -> UplinkAdaptation.Plan {
            adaptation.plan(UplinkEstimate(bitsPerSecond: bitsPerSecond), video: [.video: 1_500_000])
        }
        let wide = plan(3_000_000)
        #expect(wide.audio.bitrate == 32_000, "never more than was asked for")
        #expect(wide.video == [.video: 1_500_000])
        let narrow = plan(300_000)
        #expect(narrow.audio.bitrate == 32_000)
        let left = try #require(narrow.video[.video] ?? nil)
        #expect((100_000...268_000).contains(left))
        let tight = plan(90_000)
        #expect(tight.video == paused)
        #expect(tight.audio.bitrate >= 16_000)
        var previous = 90_000
        var resumedAt: Int?
        while resumedAt == nil, previous < 1_000_000 {
            previous += 10_000
            if plan(previous).video != paused { resumedAt = previous }
        }
        let pausedAt = stride(from: 1_000_000, to: 0, by: -10_000).first { plan($0).video == paused }
        #expect(try #require(resumedAt) > #require(pausedAt) + 10_000, "no coming and going at one limit")
    }

    @Test("Camera and screen share the rest as they are worth")
    func twoPictures() {
        var adaptation = UplinkAdaptation(OpusSettings())
        let plan = adaptation.plan(
            UplinkEstimate(bitsPerSecond: 600_000), video: [.video: 1_000_000, .screenShare: 3_000_000])
        let (camera, screen) = ((plan.video[.video] ?? nil) ?? 0, (plan.video[.screenShare] ?? nil) ?? 0)
        #expect(abs(screen - 3 * camera) <= 4 && camera > 50_000 && camera + screen < 600_000)
    }

    @Test("Loss is what FEC prepares for, where FEC is wanted at all", arguments: [true, false])
    func loss(hasFEC: Bool) {
        var opus = OpusSettings()
        opus.inBandFEC = hasFEC
        var adaptation = UplinkAdaptation(opus)
        let plan = adaptation.plan(UplinkEstimate(bitsPerSecond: 500_000, loss: 0.1), video: [:])
        #expect(plan.audio.expectedLossPercent == (hasFEC ? 10 : 0))
        #expect(adaptation.plan(UplinkEstimate(bitsPerSecond: 500_000), video: [:]).audio.expectedLossPercent == 0)
    }

    @Test("Packets are longer where headers would take what sound needs, never shorter than was asked for")
    func frames() {
        var opus = OpusSettings()
        opus.frameDuration = .milliseconds(40)
        var adaptation = UplinkAdaptation(opus)
        func length(_ bitsPerSecond: Int) -> Int {
            adaptation.plan(UplinkEstimate(bitsPerSecond: bitsPerSecond), video: [:]).audio.frameSampleFrames
        }
        #expect(length(30_000) == 2880)
        #expect(length(1_000_000) == 1920)
    }
}
