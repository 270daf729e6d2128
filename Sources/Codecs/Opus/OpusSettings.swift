import Media

/// How sound is encoded with Opus. The defaults are what a voice call wants.
public struct OpusSettings: Sendable, Hashable {
    /// What the encoder optimises for.
    public enum Application: String, Sendable, Hashable, CaseIterable {
        /// Speech: intelligibility at low bitrates (OPUS_APPLICATION_VOIP).
        case voice
        /// Music and mixed sound: faithfulness (OPUS_APPLICATION_AUDIO).
        case music
    }

    public var application = Application.voice
    /// 1 or 2.
    public var channels = 1
    /// The sound in one packet: 10, 20, 40 or 60 ms.
    public var frameDuration = Duration.milliseconds(20)
    /// Bits a second, 6,000…510,000 (RFC 6716 §2.1.1).
    public var bitrate = 32_000
    /// 0…10: processor time against quality.
    public var complexity = 5
    /// Whether packets carry a coarse copy of the frame before (LBRR), where loss is expected and the mode has it
    /// (RFC 6716 §2.1.7).
    public var inBandFEC = true
    /// Percent of packets expected to be lost, 0…100. At 0 nothing is spent on FEC.
    public var expectedPacketLoss = 0
    /// Whether silence is not sent (RFC 6716 §2.1.9).
    public var dtx = false

    public init() {}

    /// Sample frames at 48 kHz in one packet.
    public var frameSampleFrames: Int { Int(frameDuration.nanoseconds * 48 / 1_000_000) }

    /// - Throws: `.invalidArgument` for the first value that Opus does not take, naming those it does.
    public func validate() throws(CodecError) {
        try check((1...2).contains(channels), "\(channels) channels", "Opus has 1 or 2 channels here")
        try check(
            Self.frameDurations.contains(frameDuration), "a frame of \(frameDuration.milliseconds) ms",
            "Opus frames are of 10, 20, 40 or 60 ms")
        try check(
            Self.bitrates.contains(bitrate), "a bitrate of \(bitrate) b/s",
            "Opus takes \(Self.bitrates.lowerBound)–\(Self.bitrates.upperBound) b/s")
        try check((0...10).contains(complexity), "a complexity of \(complexity)", "Opus takes 0–10")
        try check(
            (0...100).contains(expectedPacketLoss), "an expected loss of \(expectedPacketLoss) %", "It is 0–100 %")
    }

    static let frameDurations: [Duration] = [10, 20, 40, 60].map { .milliseconds($0) }
    static let bitrates = 6000...510_000

    private func check(_ isAllowed: Bool, _ given: String, _ allowed: String) throws(CodecError) {
        guard isAllowed else {
            throw CodecError(.invalidArgument, operation: "Opus settings", reason: given, advice: allowed)
        }
    }
}
