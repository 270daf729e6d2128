public import RTP

/// What a connection's life has come to.
public enum PeerConnectionState: Sendable, Hashable {
    case new
    /// Descriptions are there; candidate pairs are tried, or the handshake runs.
    case connecting
    /// RTP flows.
    case connected
    /// The path has been silent for some seconds; it may come back by itself.
    case disconnected
    /// No path is left: an ICE restart may find another. A failed handshake is final.
    case failed(PeerConnectionError)
    case closed
}

/// What happens to a connection, told on its loop's thread.
public enum PeerConnectionEvent: Sendable, Hashable {
    case state(PeerConnectionState)
    /// A candidate of ours, for the far side: `candidate:…` as in SDP, without `a=`. Those that were found before a
    /// description was made are in the description and are not told again.
    case candidate(String, mid: String)
    /// A STUN or TURN server gives no candidate, or has taken it back, and why; the others go on.
    case serverFailed(String)
    /// No more candidates come (`a=end-of-candidates`).
    case gatheringComplete
    /// The far side needs a keyframe of what this m-line sends: it asks for one, or can see pictures from now on.
    case keyframeRequested(mid: String)
    /// What may be sent has changed.
    case estimate(BandwidthEstimate)
    /// The far side's description has a new m-line, or one changed: it starts, stops, or sends another track.
    case remoteTrack(RemoteTrack)
}
