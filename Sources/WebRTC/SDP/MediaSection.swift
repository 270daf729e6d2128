package import RTP

/// One m-line of a description with its attributes (RFC 8866 §5.14).
package struct MediaSection: Sendable, Hashable {
    /// `audio`, `video`, `application`.
    package var type: String
    /// 9 where ICE has the word; 0 for a rejected section, or for one that goes with another's transport.
    package var port: UInt16
    /// `UDP/TLS/RTP/SAVPF`. Peers write `RTP/SAVPF` too and mean the same (RFC 8829 §5.1.2).
    package var transportProtocol: String
    /// Payload types, in order of preference; `webrtc-datachannel` for data.
    package var formats: [String]
    package var otherLines: [SessionDescription.OtherLine] = []
    package var attributes = SDPAttributes()

    package init(
        type: String, port: UInt16 = 9, transportProtocol: String = "UDP/TLS/RTP/SAVPF", formats: [String] = []
    ) {
        self.type = type
        self.port = port
        self.transportProtocol = transportProtocol
        self.formats = formats
    }

    package var kind: RTPMediaKind? {
        switch type {
        case "audio": .audio
        case "video": .video
        default: nil
        }
    }

    /// Whether it is for RTP under DTLS-SRTP.
    package var isRTP: Bool {
        switch transportProtocol {
        case "UDP/TLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVP": true
        default: false
        }
    }

    /// Whether the section is refused or stopped. One of port 0 with `a=bundle-only` is not (RFC 9143 §6).
    package var isRejected: Bool { port == 0 && !attributes.flag("bundle-only") }

    /// Its name in the description (RFC 5888 §4); nil where it has none.
    package var mid: String? {
        get { attributes["mid"].map { String($0.sdpTrimmed) } }
        set { attributes["mid"] = newValue }
    }

    package var direction: TransceiverDirection? {
        get { attributes.direction }
        set { attributes.direction = newValue }
    }

    // MARK: ICE and DTLS

    package var iceUfrag: String? {
        get { attributes["ice-ufrag"] }
        set { attributes["ice-ufrag"] = newValue }
    }

    package var icePassword: String? {
        get { attributes["ice-pwd"] }
        set { attributes["ice-pwd"] = newValue }
    }

    package var iceOptions: [String] {
        get { (attributes["ice-options"] ?? "").sdpWords.map(String.init) }
        set { attributes["ice-options"] = newValue.isEmpty ? nil : newValue.joined(separator: " ") }
    }

    /// `candidate:…` as trickled, without `a=`.
    package var candidates: [String] {
        get { attributes.values("candidate").map { "candidate:\($0)" } }
        set {
            let prefix = "candidate:"
            attributes.set(
                "candidate", newValue.map { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : $0 })
        }
    }

    /// Whether no more candidates come (RFC 8840 §8.2).
    package var hasAllCandidates: Bool {
        get { attributes.flag("end-of-candidates") }
        set { attributes.set(flag: "end-of-candidates", newValue) }
    }

    package var fingerprints: [SDPFingerprint] {
        get { attributes.values("fingerprint").compactMap(SDPFingerprint.init) }
        set { attributes.set("fingerprint", newValue.map(\.description)) }
    }

    package var setup: DTLSSetup? {
        get { attributes["setup"].flatMap { DTLSSetup(rawValue: String($0.sdpTrimmed)) } }
        set { attributes["setup"] = newValue?.rawValue }
    }

    // MARK: RTP

    /// Whether RTP and RTCP share a port (RFC 8858 says so too, as the only choice).
    package var muxesRTCP: Bool {
        get { attributes.flag("rtcp-mux") || attributes.flag("rtcp-mux-only") }
        set { attributes.set(flag: "rtcp-mux", newValue) }
    }

    /// Whether RTCP packets may come without a report (RFC 5506).
    package var hasReducedRTCP: Bool {
        get { attributes.flag("rtcp-rsize") }
        set { attributes.set(flag: "rtcp-rsize", newValue) }
    }

    package var extensions: [SDPExtension] {
        get { attributes.values("extmap").compactMap(SDPExtension.init) }
        set { attributes.set("extmap", newValue.map(\.description)) }
    }

    /// The streams and tracks that the section's sender names (RFC 8830 §2).
    package var streams: [SDPStream] {
        get { attributes.values("msid").compactMap(SDPStream.init) }
        set { attributes.set("msid", newValue.map(\.description)) }
    }

    /// The versions of a track that are sent side by side, named by `a=rid` (RFC 8851); of the sender where `direction`
    /// is `send`.
    package var restrictions: [SDPRestriction] {
        get { attributes.values("rid").compactMap(SDPRestriction.init) }
        set { attributes.set("rid", newValue.map(\.description)) }
    }

    /// `a=simulcast`, as it stands (RFC 8853).
    package var simulcast: String? {
        get { attributes["simulcast"] }
        set { attributes["simulcast"] = newValue }
    }
}

/// `a=extmap`: the number of a header extension in this description (RFC 8285 §5).
package struct SDPExtension: Sendable, Hashable, CustomStringConvertible {
    /// 1–14 in one byte, to 255 in two; numbers from 4096 are asked of the other side to choose, and are not read.
    package var id: UInt8
    package var direction: TransceiverDirection?
    package var uri: String
    /// What follows the URI.
    package var configuration: String?

    package init(id: UInt8, direction: TransceiverDirection? = nil, uri: String, configuration: String? = nil) {
        self.id = id
        self.direction = direction
        self.uri = uri
        self.configuration = configuration
    }

    init?(_ value: String) {
        let words = value.sdpWords
        guard words.count >= 2 else { return nil }
        let number = words[0].split(separator: "/", omittingEmptySubsequences: false)
        guard let id = UInt8(number[0]), id > 0 else { return nil }
        self.id = id
        direction = number.count > 1 ? TransceiverDirection(rawValue: String(number[1])) : nil
        uri = String(words[1])
        configuration = words.count > 2 ? words[2...].joined(separator: " ") : nil
    }

    package var description: String {
        "\(id)" + (direction.map { "/\($0.rawValue)" } ?? "") + " \(uri)" + (configuration.map { " \($0)" } ?? "")
    }
}

/// `a=msid`: the stream that a section's track belongs to, and the track (RFC 8830 §2).
package struct SDPStream: Sendable, Hashable, CustomStringConvertible {
    /// `-` for a track without a stream.
    package var stream: String
    package var track: String?

    package init(stream: String, track: String? = nil) {
        self.stream = stream
        self.track = track
    }

    init?(_ value: String) {
        let words = value.sdpWords
        guard let stream = words.first else { return nil }
        self.stream = String(stream)
        track = words.count > 1 ? String(words[1]) : nil
    }

    package var description: String { stream + (track.map { " \($0)" } ?? "") }
}

/// `a=rid` (RFC 8851 §4).
package struct SDPRestriction: Sendable, Hashable, CustomStringConvertible {
    package var id: String
    /// `send` or `recv`.
    package var direction: String
    package var parameters: String?

    package init(id: String, direction: String, parameters: String? = nil) {
        self.id = id
        self.direction = direction
        self.parameters = parameters
    }

    init?(_ value: String) {
        let words = value.sdpWords
        guard words.count >= 2 else { return nil }
        id = String(words[0])
        direction = String(words[1])
        parameters = words.count > 2 ? words[2...].joined(separator: " ") : nil
    }

    package var description: String { "\(id) \(direction)" + (parameters.map { " \($0)" } ?? "") }
}
