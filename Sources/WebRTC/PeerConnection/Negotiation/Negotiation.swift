import RTP

/// Offer and answer (RFC 8829, the subset with BUNDLE and rtcp-mux): which m-lines there are and what was agreed on them.
///
/// Pure: descriptions in and out; the transport's parameters come from outside.
struct Negotiation: Sendable {
    enum SignalingState: Sendable, Hashable {
        case stable, haveLocalOffer, haveRemoteOffer
    }

    /// An m-line by its place in the description, which never changes.
    enum Line: Sendable {
        case media(Transceiver)
        /// What is not spoken here, or has no codec in common: refused in every description.
        case refused(MediaSection)
    }

    private(set) var signaling = SignalingState.stable
    private(set) var lines: [Line] = []
    /// The far side's transport, once its description came.
    private(set) var remoteTransport: RemoteTransport?
    /// What we said of our DTLS role in an answer; nil while none was given.
    private(set) var localSetup: DTLSSetup?
    /// Our role in answers to those who leave the choice to us.
    private let answeredSetup: DTLSSetup
    private let codecs: [MediaCodec]
    private let cname: String
    private let sessionID: UInt64
    private var version: UInt64 = 0
    private var nextMid = 0
    private var generator = SystemRandomNumberGenerator()

    init(codecs: [MediaCodec], cname: String, answeredSetup: DTLSSetup = .active) {
        self.answeredSetup = answeredSetup
        self.codecs = codecs
        self.cname = cname
        // Below 2⁶³: some readers take it for a signed number (RFC 8829 §5.2.1).
        sessionID = .random(in: 1...(.max >> 1))
    }

    var transceivers: [Transceiver] {
        lines.compactMap { if case .media(let transceiver) = $0 { transceiver } else { nil } }
    }

    /// The m-line that names the bundle's transport: candidates are told under its mid.
    var bundleMid: String? { transceivers.first?.mid }

    // MARK: M-lines

    /// Adds an m-line, or takes up one that is inactive.
    mutating func add(_ kind: RTPMediaKind, _ direction: TransceiverDirection, _ track: LocalTrack) -> String {
        if let reused = transceivers.first(where: { $0.kind == kind && $0.direction == .inactive }) {
            _ = set(direction, of: reused.mid, track: track, isNew: true)
            return reused.mid
        }
        var mid: String
        repeat {
            mid = "\(nextMid)"
            nextMid += 1
        } while hasMid(mid)
        lines.append(
            .media(
                Transceiver(
                    mid: mid, kind: kind, direction: direction, track: Self.makeTrack(track, replacing: nil),
                    codecs: codecsForNewLine(kind), extensions: extensionsForNewLine(kind))))
        return mid
    }

    /// - Returns: whether there is such an m-line.
    mutating func set(
        _ direction: TransceiverDirection, of mid: String, track: LocalTrack?, isNew: Bool = false
    ) -> Bool {
        update(mid) { transceiver in
            transceiver.direction = direction
            guard let track else { return }
            transceiver.track = Self.makeTrack(track, replacing: isNew ? nil : transceiver.track)
        }
    }

    /// What an m-line sends goes on under another SSRC: the next description says so. Until then the mid names it.
    mutating func setSSRC(_ ssrc: SSRC, mid: String) { _ = update(mid) { $0.track.ssrc = ssrc } }

    /// Changes the transceiver of a mid; returns whether there is one.
    @discardableResult
    private mutating func update(_ mid: String, _ change: (inout Transceiver) -> Void) -> Bool {
        for index in lines.indices {
            guard case .media(var transceiver) = lines[index], transceiver.mid == mid else { continue }
            change(&transceiver)
            lines[index] = .media(transceiver)
            return true
        }
        return false
    }

    private func hasMid(_ mid: String, exceptAt index: Int? = nil) -> Bool {
        lines.indices.contains { other in
            guard other != index else { return false }
            return switch lines[other] {
            case .media(let transceiver): transceiver.mid == mid
            case .refused(let section): section.mid == mid
            }
        }
    }

    private static func makeTrack(_ track: LocalTrack, replacing old: Transceiver.Track?) -> Transceiver.Track {
        let ssrc = track.ssrc ?? old?.ssrc ?? .random()
        let rtx = ssrc == old?.ssrc ? old?.rtxSSRC : nil
        return Transceiver.Track(
            ssrc: ssrc, rtxSSRC: rtx ?? .random(), streamID: track.streamID, trackID: track.trackID)
    }

    /// What an offer's new m-line speaks: as the lines of its kind do; payload types mean one thing in a bundle
    /// (RFC 8843 §9.1).
    private func codecsForNewLine(_ kind: RTPMediaKind) -> [Transceiver.Codec] {
        if let known = transceivers.first(where: { $0.kind == kind }) { return known.codecs }
        var taken = Set(
            transceivers.flatMap(\.codecs).flatMap { [$0.payloadType] + [$0.rtxPayloadType].compactMap { $0 } })
        func claim(_ wanted: UInt8) -> UInt8? {
            // 96–127 are for dynamic use (RFC 3551 §6).
            let free = [wanted] + (96...127)
            guard let chosen = free.first(where: { !taken.contains($0) }) else { return nil }
            taken.insert(chosen)
            return chosen
        }
        return codecs.filter { $0.kind == kind }.compactMap { codec in
            claim(codec.payloadType).map { payloadType in
                Transceiver.Codec(
                    codec: codec, payloadType: payloadType, rtxPayloadType: codec.rtxPayloadType.flatMap(claim),
                    feedback: codec.feedback)
            }
        }
    }

    private func extensionsForNewLine(_ kind: RTPMediaKind) -> RTPExtensionIDs {
        transceivers.first { $0.kind == kind }?.extensions ?? .offered(kind)
    }

    // MARK: Our descriptions

    mutating func makeOffer(_ transport: TransportParameters) throws(PeerConnectionError) -> SessionDescription {
        guard signaling != .haveRemoteOffer else {
            throw PeerConnectionError(.wrongState, "the far side's offer waits for an answer (RFC 8829 §5.2)")
        }
        guard !transceivers.isEmpty else {
            throw PeerConnectionError(.wrongState, "an offer needs an m-line: add a transceiver first")
        }
        signaling = .haveLocalOffer
        version += 1
        return localDescription(transport)
    }

    mutating func makeAnswer(_ transport: TransportParameters) throws(PeerConnectionError) -> SessionDescription {
        guard signaling == .haveRemoteOffer, let remoteTransport else {
            throw PeerConnectionError(.wrongState, "there is no offer to answer (RFC 8829 §5.3)")
        }
        // The role stays while DTLS does (RFC 8842 §5.5); active where we may choose: the handshake begins a trip sooner.
        let chosen = remoteTransport.setup == .actpass ? answeredSetup : .active
        localSetup = localSetup ?? (remoteTransport.setup == .active ? .passive : chosen)
        signaling = .stable
        version += 1
        for transceiver in transceivers {
            update(transceiver.mid) { $0.current = $0.direction.intersection($0.offered.reversed) }
        }
        return localDescription(transport)
    }

    /// The description in force, with the candidates of now.
    func localDescription(_ transport: TransportParameters) -> SessionDescription {
        var description = SessionDescription(
            origin: SessionDescription.Origin(sessionID: sessionID, version: version))
        description.bundle = transceivers.map(\.mid)
        description.attributes.set(flag: "extmap-allow-mixed", true)
        description.attributes.append("msid-semantic", "WMS *")
        var isFirst = true
        for line in lines {
            switch line {
            case .refused(let section): description.media.append(section)
            case .media(let transceiver):
                var section = section(of: transceiver, transport)
                if isFirst {
                    section.candidates = transport.candidates.map(\.sdp)
                    section.hasAllCandidates = transport.hasAllCandidates
                    isFirst = false
                }
                description.media.append(section)
            }
        }
        return description
    }

    private func section(of transceiver: Transceiver, _ transport: TransportParameters) -> MediaSection {
        var section = MediaSection(type: transceiver.kind == .audio ? "audio" : "video")
        section.attributes.append("rtcp", "9 IN IP4 0.0.0.0")
        section.iceUfrag = transport.credentials.ufrag
        section.icePassword = transport.credentials.password
        section.iceOptions = ["trickle"]
        section.fingerprints = [transport.fingerprint.sdp]
        let isOffer = signaling == .haveLocalOffer
        section.setup = isOffer ? .actpass : localSetup ?? .actpass
        section.mid = transceiver.mid
        section.extensions = transceiver.extensions.sdp
        section.direction = isOffer ? transceiver.direction : transceiver.current
        section.muxesRTCP = true
        section.hasReducedRTCP = transceiver.allowsReducedRTCP
        section.codecs = transceiver.codecs.flatMap(\.sdp)
        if section.direction?.sends == true { describe(transceiver.track, transceiver, in: &section) }
        return section
    }

    private func describe(_ track: Transceiver.Track, _ transceiver: Transceiver, in section: inout MediaSection) {
        let stream =
            track.streamID == nil && track.trackID == nil
            ? nil : SDPStream(stream: track.streamID ?? "-", track: track.trackID)
        section.streams = [stream].compactMap { $0 }
        var sources = [SDPSource(ssrc: track.ssrc, cname: cname, stream: stream)]
        if transceiver.codecs.contains(where: { $0.rtxPayloadType != nil }) {
            section.sourceGroups = [SDPSourceGroup(semantics: "FID", ssrcs: [track.ssrc, track.rtxSSRC])]
            sources.append(SDPSource(ssrc: track.rtxSSRC, cname: cname, stream: stream))
        }
        section.sources = sources
    }

    // MARK: The far side's descriptions

    /// Takes an offer.
    /// - Returns: the m-lines that are new or changed.
    mutating func acceptOffer(_ description: SessionDescription) throws(PeerConnectionError) -> [RemoteTrack] {
        guard signaling == .stable else {
            throw PeerConnectionError(.wrongState, "an answer is owed or awaited (RFC 8829 §5.5)")
        }
        let transport = try RemoteTransport(description)
        guard description.media.count >= lines.count else {
            throw PeerConnectionError(.badDescription, "an offer has fewer m-lines than the last (RFC 8829 §5.2.2)")
        }
        var next = self
        try next.keepsPeer(transport)
        for (index, section) in description.media.enumerated() {
            try next.takeOffered(section, description.direction(of: section), at: index)
        }
        next.remoteTransport = transport
        next.signaling = .haveRemoteOffer
        return replace(with: next)
    }

    /// Takes the answer to our offer.
    mutating func acceptAnswer(_ description: SessionDescription) throws(PeerConnectionError) -> [RemoteTrack] {
        guard signaling == .haveLocalOffer else {
            throw PeerConnectionError(.wrongState, "there is no offer that waits for an answer (RFC 8829 §5.5)")
        }
        let transport = try RemoteTransport(description)
        guard transport.setup != .actpass else {
            throw PeerConnectionError(.badDescription, "an answer chooses a DTLS role (RFC 8842 §5.3)")
        }
        guard description.media.count == lines.count else {
            throw PeerConnectionError(.badDescription, "an answer has as many m-lines as its offer (RFC 8829 §5.3.1)")
        }
        var next = self
        try next.keepsPeer(transport)
        for (index, section) in description.media.enumerated() {
            guard case .media(var transceiver) = next.lines[index] else { continue }
            let direction = section.isRejected ? .inactive : description.direction(of: section)
            transceiver.take(section, direction)
            transceiver.current = transceiver.direction.intersection(direction.reversed)
            next.lines[index] = .media(transceiver)
        }
        next.localSetup = next.localSetup ?? (transport.setup == .active ? .passive : .active)
        next.remoteTransport = transport
        next.signaling = .stable
        return replace(with: next)
    }

    private mutating func replace(with next: Negotiation) -> [RemoteTrack] {
        let before = transceivers.map(\.remote)
        self = next
        return transceivers.map(\.remote).filter { !before.contains($0) }
    }

    /// A certificate that changes would be another peer, and need another connection.
    private func keepsPeer(_ transport: RemoteTransport) throws(PeerConnectionError) {
        guard let remoteTransport, remoteTransport.fingerprints != transport.fingerprints else { return }
        throw PeerConnectionError(.badDescription, "the far side's certificate changed: make a new connection")
    }

    private mutating func takeOffered(
        _ section: MediaSection, _ direction: TransceiverDirection, at index: Int
    ) throws(PeerConnectionError) {
        let direction = section.isRejected ? .inactive : direction
        if index < lines.count, case .media(var transceiver) = lines[index] {
            if transceiver.mid == section.mid, transceiver.kind == section.kind {
                transceiver.take(section, direction)
                lines[index] = .media(transceiver)
                return
            }
            // A stopped m-line's place may go to another (RFC 8829 §5.2.2).
            guard transceiver.isStopped else {
                throw PeerConnectionError(.badDescription, "m-line \(index) changed its mid or kind (RFC 8829 §5.2.2)")
            }
        }
        let line = offeredLine(section, direction, at: index)
        if index < lines.count { lines[index] = line } else { lines.append(line) }
    }

    /// What an m-line of an offer becomes that is new here.
    private func offeredLine(_ section: MediaSection, _ direction: TransceiverDirection, at index: Int) -> Line {
        guard !section.isRejected, section.isRTP, let kind = section.kind, let mid = section.mid,
            !hasMid(mid, exceptAt: index)
        else { return .refused(section.refusal) }
        var transceiver = Transceiver(
            mid: mid, kind: kind, direction: .receiveOnly, track: Self.makeTrack(LocalTrack(), replacing: nil),
            codecs: codecs.filter { $0.kind == kind }.map { codec in
                Transceiver.Codec(
                    codec: codec, payloadType: codec.payloadType, rtxPayloadType: codec.rtxPayloadType,
                    feedback: codec.feedback)
            },
            extensions: .offered(kind))
        transceiver.take(section, direction)
        return transceiver.codecs.isEmpty ? .refused(section.refusal) : .media(transceiver)
    }
}

extension MediaSection {
    /// The section as an answer refuses it.
    fileprivate var refusal: MediaSection {
        var section = MediaSection(type: type, port: 0, transportProtocol: transportProtocol, formats: formats)
        section.mid = mid
        section.direction = .inactive
        return section
    }
}

extension SSRC {
    /// Any but 0, which some take for none.
    fileprivate static func random() -> SSRC { SSRC(rawValue: .random(in: 1 ... .max)) }
}
