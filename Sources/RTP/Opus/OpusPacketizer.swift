/// Puts encoded Opus into packets: one payload a packet, nothing for a pause, a marker when sound begins again
/// (RFC 7587 §4, RFC 3551 §4.1).
public struct OpusPacketizer: Sendable {
    public private(set) var sender: RTPSender
    /// The negotiated id of the audio level extension (RFC 6464); nil sends none.
    public var audioLevelID: UInt8?
    private var isInPause = true

    public init(
        ssrc: SSRC, payloadType: UInt8 = OpusPayload.usualPayloadType, start: RTPStart, audioLevelID: UInt8? = nil
    ) {
        sender = RTPSender(ssrc: ssrc, payloadType: payloadType, start: start)
        self.audioLevelID = audioLevelID
    }

    /// The packet of the next frame; moves on by the frame.
    /// - `payload`: as encoded, one byte or more.
    /// - `ticks`: the frame's sample frames at 48 kHz.
    public mutating func packet(_ payload: [UInt8], ticks: Int, level: AudioLevel? = nil) -> RTPPacket {
        var extensions = RTPHeaderExtensions()
        if let audioLevelID, let level {
            // The only failures are an id of 0 and no room; SDP gives no id of 0.
            try? extensions.setAudioLevel(level, id: audioLevelID)
        }
        let packet = sender.packet(payload, marker: isInPause, extensions: extensions)
        sender.advance(by: ticks)
        isInPause = false
        return packet
    }

    /// Passes over a frame that is not sent: silence (DTX), a muted microphone, sound lost in capture.
    public mutating func pause(ticks: Int) {
        sender.advance(by: ticks)
        isInPause = true
    }
}
