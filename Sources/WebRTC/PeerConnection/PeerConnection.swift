public import RTP

/// A WebRTC connection to one peer: ICE, DTLS-SRTP, and RTP sessions bundled on one path.
///
/// It serves on either side: a client that offers or answers, or a forwarder's leg in a server. Descriptions are SDP
/// (the subset of RFC 8829 with BUNDLE and rtcp-mux), candidates trickle (RFC 8838).
///
/// - Thread: every method may be called on any thread, and none waits for the network. Events and packets are told on
///   the loop's thread, in order, and never while a lock is held: what is told may call back into the connection.
public final class PeerConnection: Sendable {
    private let core: PeerConnectionCore

    /// Opens the sockets, and begins to gather.
    /// - `onEvent`, `onPacket`: called on the loop's thread, never after ``close()`` has returned. Packets come in the
    ///   order of their arrival, duplicates dropped, with the payload types of the configuration's codecs.
    /// - Throws: `.socketFailed`.
    public init(
        _ configuration: PeerConnectionConfiguration,
        onEvent: @escaping @Sendable (PeerConnectionEvent) -> Void,
        onPacket: @escaping @Sendable (_ mid: String, RTPPacket) -> Void
    ) throws(PeerConnectionError) {
        core = try PeerConnectionCore(configuration, onEvent: onEvent, onPacket: onPacket)
    }

    /// A connection that nobody holds is closed, without a word.
    deinit { core.abandon() }

    // MARK: Negotiation

    /// Adds an m-line, or takes up an inactive one of the same kind. It is negotiated with the next offer.
    /// - Returns: its mid.
    @discardableResult
    public func addTransceiver(
        _ kind: RTPMediaKind, _ direction: TransceiverDirection = .sendReceive, track: LocalTrack = LocalTrack()
    ) -> String {
        (try? core.perform { engine, _ in engine.negotiation.add(kind, direction, track) }) ?? ""
    }

    /// Changes what an m-line does, with the next offer or answer; in an answer to the far side's m-lines too, which
    /// are received only unless this says otherwise.
    /// - `track`: nil leaves the track as it is.
    /// - Throws: `.unknownMid`.
    public func setDirection(
        _ direction: TransceiverDirection, of mid: String, track: LocalTrack? = nil
    ) throws(PeerConnectionError) {
        try core.perform { engine, _ throws(PeerConnectionError) in
            guard engine.negotiation.set(direction, of: mid, track: track) else {
                throw PeerConnectionError(.unknownMid, "no m-line has mid \(mid)")
            }
        }
    }

    /// Makes an offer of all m-lines, and makes it the local description. Candidates found so far are in it.
    /// - `iceRestart`: new credentials and candidates (RFC 8445 §9); DTLS and SRTP go on.
    /// - Throws: `.wrongState` while an answer is owed or awaited; `.closed`.
    public func makeOffer(iceRestart: Bool = false) throws(PeerConnectionError) -> String {
        try core.perform { engine, now throws(PeerConnectionError) in
            try engine.makeOffer(iceRestart: iceRestart, now: now)
        }
    }

    /// Makes the answer to the far side's offer, and makes it the local description.
    /// - Throws: `.wrongState` without an offer; `.closed`.
    public func makeAnswer() throws(PeerConnectionError) -> String {
        try core.perform { engine, now throws(PeerConnectionError) in try engine.makeAnswer(now: now) }
    }

    /// Takes the far side's offer.
    /// - Returns: its m-lines, to be looked at before ``makeAnswer()``; they are told as events too.
    /// - Throws: `.badDescription`, `.wrongState`, `.closed`. A description that is refused changes nothing.
    @discardableResult
    public func acceptOffer(_ sdp: String) throws(PeerConnectionError) -> [RemoteTrack] {
        try core.perform { engine, now throws(PeerConnectionError) in try engine.acceptOffer(sdp, now: now) }
    }

    /// Takes the far side's answer. As ``acceptOffer(_:)``.
    @discardableResult
    public func acceptAnswer(_ sdp: String) throws(PeerConnectionError) -> [RemoteTrack] {
        try core.perform { engine, now throws(PeerConnectionError) in try engine.acceptAnswer(sdp, now: now) }
    }

    /// The local description with all candidates found so far; nil before the first.
    public var localDescription: String? { (try? core.perform { engine, _ in engine.localDescription }) ?? nil }

    /// Takes a candidate of the far side, with or without `a=`; an empty one says that no more come.
    /// - Throws: `.badCandidate`; `.wrongState` before its description.
    public func addCandidate(_ line: String) throws(PeerConnectionError) {
        try core.perform { engine, now throws(PeerConnectionError) in try engine.addCandidate(line, now: now) }
    }

    // MARK: Media

    /// Sends a packet on an m-line: payload type, SSRC and header extensions become what was negotiated; the audio level
    /// (under ``audioLevelID``) is kept. Sound leaves at once, on the caller's thread; pictures are paced. Dropped when
    /// not connected, or when the m-line does not send.
    public func send(_ packet: RTPPacket, mid: String) { core.send(packet, mid: mid) }

    /// Asks the far side for a keyframe of what this m-line receives.
    public func requestKeyframe(mid: String) {
        try? core.perform { engine, now in engine.requestKeyframe(mid: mid, now: now) }
    }

    public var statistics: PeerConnectionStatistics {
        (try? core.perform { engine, _ in engine.statistics }) ?? PeerConnectionStatistics()
    }

    /// Says goodbye to the far side, closes the sockets, and returns when nothing is told any more. Idempotent; any
    /// number of callers.
    public func close() async { await core.close() }
}
