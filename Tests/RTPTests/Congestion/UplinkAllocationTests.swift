import RTP
import Testing

@Suite("Sharing out the uplink")
struct UplinkAllocationTests {
    private func allocation(
        _ bitsPerSecond: Int, loss: Double = 0, hasVideo: Bool = true, wasVideoPaused: Bool = false
    ) -> UplinkAllocation {
        UplinkAllocation(
            BandwidthEstimate(bitsPerSecond: bitsPerSecond, lossFraction: loss, roundTrip: nil), hasVideo: hasVideo,
            wasVideoPaused: wasVideoPaused)
    }

    @Test(
        "What is sent stays within the estimate, with room for headers",
        arguments: (2...100).map { $0 * 50_000 })
    func within(estimate: Int) {
        let shares = allocation(estimate)
        #expect(shares.audioBitrate + (shares.videoBitrate ?? 0) < estimate)
        #expect((16_000...64_000).contains(shares.audioBitrate))
    }

    @Test("Sound comes first: where there is little there are no pictures, and longer frames")
    func starved() {
        #expect(allocation(30_000).videoBitrate == nil)
        #expect(allocation(30_000).frameMilliseconds == 60)
        #expect(allocation(30_000).audioBitrate == 16_000)
        #expect(allocation(60_000).frameMilliseconds == 40)
        #expect(allocation(300_000).frameMilliseconds == 20)
        #expect(allocation(300_000).videoBitrate ?? 0 > 180_000)
        #expect(allocation(2_000_000).audioBitrate == 64_000)
        #expect(allocation(300_000, hasVideo: false).videoBitrate == nil)
        #expect(allocation(300_000, hasVideo: false).audioBitrate == 64_000)
    }

    @Test("Pictures that were stopped come back only with room to spare")
    func hysteresis() {
        let between = (100_000..<200_000).first { allocation($0).videoBitrate != nil }!
        #expect(allocation(between, wasVideoPaused: true).videoBitrate == nil)
        #expect(allocation(between * 3 / 2, wasVideoPaused: true).videoBitrate != nil)
    }

    @Test("Loss turns FEC on, and leaves room for retransmissions")
    func loss() {
        #expect(!allocation(1_000_000).usesFEC)
        #expect(allocation(1_000_000, loss: 0.05).usesFEC)
        #expect(allocation(1_000_000, loss: 0.05).expectedLossPercent == 5)
        #expect(allocation(1_000_000, loss: 0.9).expectedLossPercent == 30)
        #expect(allocation(1_000_000, loss: 0.1).videoBitrate! < allocation(1_000_000).videoBitrate! - 90_000)
    }
}
