public import RTP

/// What an m-line sends: the names that its description gives it.
public struct LocalTrack: Sendable, Hashable {
    /// The SSRC on the wire; packets that are sent get it, whatever theirs is. Nil: a random one.
    public var ssrc: SSRC?
    /// `a=msid`'s first word: tracks of one stream are played in step. Nil: none is said.
    public var streamID: String?
    /// `a=msid`'s second word.
    public var trackID: String?

    public init(ssrc: SSRC? = nil, streamID: String? = nil, trackID: String? = nil) {
        self.ssrc = ssrc
        self.streamID = streamID
        self.trackID = trackID
    }
}
