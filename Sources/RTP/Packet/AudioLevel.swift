/// The level of the sound in a packet (RFC 6464): what a mixer or a selective forwarder learns without decoding.
public struct AudioLevel: Sendable, Hashable {
    /// The name that SDP negotiates an id for.
    public static let uri = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"

    /// dB relative to the overload point, −127…0; −127 is silence.
    public let dBov: Int
    /// Whether the sender takes it for speech.
    public let isVoice: Bool

    /// - `dBov`: taken to the nearest of −127…0.
    public init(dBov: Int, isVoice: Bool) {
        self.dBov = min(0, max(-127, dBov))
        self.isVoice = isVoice
    }

    /// Reads the element's data: one byte, V and the level without its sign (RFC 6464 §3).
    public init?(_ data: some Collection<UInt8>) {
        guard let byte = data.first else { return nil }
        self.init(dBov: -Int(byte & 0x7F), isVoice: byte & 0x80 != 0)
    }

    /// The element's byte.
    public var byte: UInt8 { (isVoice ? 0x80 : 0) | UInt8(-dBov) }
}

extension RTPHeaderExtensions {
    /// The audio level under a negotiated id.
    public func audioLevel(id: UInt8) -> AudioLevel? { self[id].flatMap { AudioLevel($0) } }

    /// - Throws: `.badExtension` as ``set(_:id:)``.
    public mutating func setAudioLevel(_ level: AudioLevel, id: UInt8) throws(RTPError) {
        try set(CollectionOfOne(level.byte), id: id)
    }
}
