/// How an estimate is shared out: sound first, pictures with the rest.
///
/// Plain numbers; who has the encoders applies them.
package struct UplinkAllocation: Sendable, Hashable {
    package struct Limits: Sendable, Hashable {
        /// Bits a second of encoded sound.
        package var audio = 16_000...64_000
        /// Bits a second of encoded pictures; below the lower bound there are none.
        package var video = 60_000...2_500_000

        package init() {}
    }

    /// Bits a second of encoded sound.
    package var audioBitrate: Int
    /// Milliseconds of sound a packet: longer where the headers would take what the sound needs.
    package var frameMilliseconds: Int
    /// Whether a packet carries a coarse copy of the one before it (RFC 6716 §2.1.7).
    package var usesFEC: Bool
    /// What Opus is to expect to be lost, in percent.
    package var expectedLossPercent: Int
    /// Bits a second of encoded pictures; nil stops them.
    package var videoBitrate: Int?

    /// - `wasVideoPaused`: pictures come back only with some room to spare, so that they do not come and go.
    package init(
        _ estimate: BandwidthEstimate, hasVideo: Bool, wasVideoPaused: Bool = false, limits: Limits = Limits()
    ) {
        let total = estimate.bitsPerSecond
        // The share of sound grows with the link, up to where more is not heard.
        let wanted = hasVideo ? total / 5 : total * 3 / 4
        frameMilliseconds = total < 40_000 ? 60 : total < 80_000 ? 40 : 20
        let overhead = Self.headerBits * 1000 / frameMilliseconds
        audioBitrate = min(limits.audio.upperBound, max(limits.audio.lowerBound, wanted - overhead))
        let percent = Int((estimate.lossFraction * 100).rounded(.up))
        usesFEC = percent >= 2
        expectedLossPercent = min(30, percent)
        guard hasVideo else { return }
        // Headers, retransmissions and what the encoder overshoots by are left to the way.
        let repairs = Double(total) * min(0.3, estimate.lossFraction)
        let rest = Int(Double(total - audioBitrate - overhead) * 0.93 - repairs)
        let floor = wasVideoPaused ? limits.video.lowerBound * 3 / 2 : limits.video.lowerBound
        videoBitrate = rest < floor ? nil : min(limits.video.upperBound, rest)
    }

    /// IP, UDP, SRTP and RTP with its extensions, of a packet.
    private static let headerBits = 8 * 70
}
