public import RTP

/// What the far side's description says of an m-line.
public struct RemoteTrack: Sendable, Hashable {
    public var mid: String
    public var kind: RTPMediaKind
    /// Whether the far side sends on it, and we receive.
    public var isActive: Bool
    /// The SSRCs it names (`a=ssrc`), without those of retransmissions; empty where it names none.
    public var ssrcs: [SSRC]
    /// `a=msid`'s words, where there are any.
    public var streamID: String?
    public var trackID: String?

    public init(
        mid: String, kind: RTPMediaKind, isActive: Bool, ssrcs: [SSRC] = [], streamID: String? = nil,
        trackID: String? = nil
    ) {
        self.mid = mid
        self.kind = kind
        self.isActive = isActive
        self.ssrcs = ssrcs
        self.streamID = streamID
        self.trackID = trackID
    }
}
