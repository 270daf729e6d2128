extension RemoteTransport {
    /// What a description says of the one transport that its m-lines share.
    /// - Throws: `.badDescription`, where they do not share one, or where something is missing.
    init(_ description: SessionDescription) throws(PeerConnectionError) {
        func bad(_ reason: String) -> PeerConnectionError { PeerConnectionError(.badDescription, reason) }
        let sections = description.media.filter { !$0.isRejected && $0.isRTP }
        guard let first = sections.first(where: { $0.port != 0 }) ?? sections.first else {
            throw bad("no m-line is accepted")
        }
        let bundle = description.bundle
        guard sections.count == 1 || sections.allSatisfy({ $0.mid.map(bundle.contains) == true }) else {
            throw bad("the m-lines are not bundled (RFC 8843)")
        }
        guard sections.allSatisfy(\.muxesRTCP) else { throw bad("an m-line without rtcp-mux (RFC 5761)") }
        guard let credentials = description.iceCredentials(of: first) else { throw bad("no ICE credentials") }
        let fingerprints = description.fingerprints(of: first).compactMap(DTLSFingerprint.init)
        guard !fingerprints.isEmpty else { throw bad("no a=fingerprint of SHA-256, 384 or 512 (RFC 8122)") }
        self.credentials = ICECredentials(ufrag: credentials.ufrag, password: credentials.password)
        isLite = description.isICELite
        self.fingerprints = fingerprints
        switch description.setup(of: first) {
        case .active: setup = .active
        case .passive: setup = .passive
        case .actpass, nil: setup = .actpass
        case .holdconn: throw bad("a=setup:holdconn has no transport (RFC 8842 §5.1)")
        }
        // A candidate that cannot be read is passed over: others may do (RFC 8839 §5.1).
        candidates = sections.flatMap(\.candidates).compactMap { try? ICECandidate(sdp: $0) }
        hasAllCandidates = description.attributes.flag("end-of-candidates") || first.hasAllCandidates
    }
}
