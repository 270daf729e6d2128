import Codecs
import Media
import RTP
import Rooms
import Synchronization

/// Shares an estimate of the uplink out to a session's encoders, within what the configuration asks for.
struct UplinkAdaptation: Sendable {
    /// What the encoders are to do.
    struct Plan: Sendable, Hashable {
        var audio: AudioSender.Encoding
        /// Bits a second of each kind of picture that is sent; nil pauses it.
        var video: [TrackKind: Int?] = [:]
    }

    /// What the way out bears, as told last.
    private(set) var estimate: UplinkEstimate?
    private let opus: OpusSettings
    private var isVideoPaused = false

    init(_ opus: OpusSettings) { self.opus = opus }

    /// - `video`: the kinds of pictures that are sent, with the bitrate that each is worth at most.
    mutating func plan(_ estimate: UplinkEstimate, video: [TrackKind: Int]) -> Plan {
        self.estimate = estimate
        var limits = UplinkAllocation.Limits()
        // Never more than was asked for; less where the way bears less.
        limits.audio = min(limits.audio.lowerBound, opus.bitrate)...opus.bitrate
        let most = video.values.reduce(0, +)
        limits.video = limits.video.lowerBound...max(limits.video.lowerBound, most)
        let allocation = UplinkAllocation(
            BandwidthEstimate(
                bitsPerSecond: estimate.bitsPerSecond, lossFraction: estimate.loss, roundTrip: estimate.roundTrip),
            hasVideo: !video.isEmpty, wasVideoPaused: isVideoPaused, limits: limits)
        if !video.isEmpty { isVideoPaused = allocation.videoBitrate == nil }
        let frame = max(allocation.frameMilliseconds * 48, opus.frameSampleFrames)
        var plan = Plan(
            audio: .init(
                bitrate: allocation.audioBitrate,
                expectedLossPercent: opus.inBandFEC
                    ? max(opus.expectedPacketLoss, allocation.usesFEC ? allocation.expectedLossPercent : 0) : 0,
                frameSampleFrames: frame))
        for (kind, worth) in video {
            // Camera and screen share what there is as they are worth.
            plan.video.updateValue(allocation.videoBitrate.map { most > 0 ? $0 * worth / most : $0 }, forKey: kind)
        }
        return plan
    }
}

extension SessionMedia {
    /// The way out bears more or less than before: the encoders follow.
    func adapt(to estimate: UplinkEstimate) {
        let senders = videoSenders.withLock { $0 }
        let plan = adaptation.withLock { $0.plan(estimate, video: senders.mapValues(\.usualBitrate)) }
        audioSender.adapt(to: plan.audio)
        for (kind, bitrate) in plan.video {
            guard let sender = senders[kind] else { continue }
            if let bitrate { sender.setBitrate(bitrate) }
            if sender.isPaused != (bitrate == nil) { sender.isPaused = bitrate == nil }
        }
    }
}
