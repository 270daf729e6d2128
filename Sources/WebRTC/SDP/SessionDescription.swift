/// What one side of a WebRTC connection says of itself (RFC 8866, in the form of RFC 8829 §5).
///
/// A description is its lines: what the typed properties do not know stays where it was, and is printed again.
/// Reading is tolerant of what browsers and media servers write; any text is safe, see ``init(parsing:)``.
package struct SessionDescription: Sendable, Hashable {
    /// `o=`: which description this is, and its version.
    package struct Origin: Sendable, Hashable {
        package var userName = "-"
        package var sessionID: UInt64
        /// Grows with every description of a session (RFC 8829 §5.2.2).
        package var version: UInt64
        /// Network type, address type and address; WebRTC peers say nothing of use in it.
        package var address = "IN IP4 127.0.0.1"

        package init(sessionID: UInt64, version: UInt64) {
            self.sessionID = sessionID
            self.version = version
        }
    }

    /// Any line but `v=`, `o=`, `s=`, `m=` and `a=`: kept, not understood.
    package struct OtherLine: Sendable, Hashable {
        /// A letter of ASCII.
        package var type: UInt8
        package var value: String

        package init(type: UInt8, value: String) {
            self.type = type
            self.value = value
        }
    }

    /// `a=group` (RFC 5888 §5): which m-lines belong together, and in what sense.
    package struct Group: Sendable, Hashable {
        package var semantics: String
        package var mids: [String]

        package init(semantics: String, mids: [String]) {
            self.semantics = semantics
            self.mids = mids
        }
    }

    package var origin: Origin
    package var name = "-"
    package var otherLines = [OtherLine(type: UInt8(ascii: "t"), value: "0 0")]
    package var attributes = SDPAttributes()
    package var media: [MediaSection] = []

    package init(origin: Origin) { self.origin = origin }

    package var groups: [Group] {
        get {
            attributes.values("group").compactMap { value in
                var words = value.sdpWords.map(String.init)
                guard !words.isEmpty else { return nil }
                return Group(semantics: words.removeFirst(), mids: words)
            }
        }
        set { attributes.set("group", newValue.map { ([$0.semantics] + $0.mids).joined(separator: " ") }) }
    }

    /// The mids that share one transport (RFC 9143). A description that says the group twice means the first.
    package var bundle: [String] {
        get { groups.first { $0.semantics == "BUNDLE" }?.mids ?? [] }
        set {
            var groups = groups.filter { $0.semantics != "BUNDLE" }
            if !newValue.isEmpty { groups.insert(Group(semantics: "BUNDLE", mids: newValue), at: 0) }
            self.groups = groups
        }
    }

    /// Whether the peer answers checks only (RFC 8445 §2.5).
    package var isICELite: Bool {
        get { attributes.flag("ice-lite") }
        set { attributes.set(flag: "ice-lite", newValue) }
    }

    package func section(mid: String) -> MediaSection? { media.first { $0.mid == mid } }

    // MARK: What a section inherits

    // ICE and DTLS attributes may stand in the session part for all sections (RFC 8839 §5.4, RFC 8842 §5.1); Firefox
    // writes fingerprints so.

    package func iceCredentials(of section: MediaSection) -> (ufrag: String, password: String)? {
        guard let ufrag = section.iceUfrag ?? attributes["ice-ufrag"],
            let password = section.icePassword ?? attributes["ice-pwd"]
        else { return nil }
        return (ufrag, password)
    }

    package func iceOptions(of section: MediaSection) -> [String] {
        (section.attributes["ice-options"] ?? attributes["ice-options"] ?? "").sdpWords.map(String.init)
    }

    package func fingerprints(of section: MediaSection) -> [SDPFingerprint] {
        let own = section.fingerprints
        return own.isEmpty ? attributes.values("fingerprint").compactMap(SDPFingerprint.init) : own
    }

    package func setup(of section: MediaSection) -> DTLSSetup? {
        section.setup ?? attributes["setup"].flatMap { DTLSSetup(rawValue: $0) }
    }

    package func direction(of section: MediaSection) -> TransceiverDirection {
        section.attributes.direction ?? attributes.direction ?? .sendReceive
    }

    /// Whether header extensions of one and two bytes may be mixed in a stream (RFC 8285 §4.1.2).
    package func allowsMixedExtensions(of section: MediaSection) -> Bool {
        section.attributes.flag("extmap-allow-mixed") || attributes.flag("extmap-allow-mixed")
    }
}

/// `a=setup`: which side opens the DTLS handshake (RFC 4145 §4, RFC 8842 §5).
package enum DTLSSetup: String, Sendable, Hashable {
    case active, passive, actpass, holdconn
}

/// `a=fingerprint`: the hash of the certificate that the peer will show (RFC 8122 §5).
package struct SDPFingerprint: Sendable, Hashable, CustomStringConvertible {
    /// As it was written, in lower case: `sha-256`.
    package var algorithm: String
    package var bytes: [UInt8]

    package init(algorithm: String, bytes: [UInt8]) {
        self.algorithm = algorithm
        self.bytes = bytes
    }

    /// Reads `sha-256 04:B3:…`; nil for anything else.
    package init?(_ value: String) {
        let words = value.sdpWords
        guard words.count == 2, words[1].utf8.count <= 3 * 64 else { return nil }
        var bytes: [UInt8] = []
        for pair in words[1].split(separator: ":", omittingEmptySubsequences: false) {
            guard pair.utf8.count == 2, pair.utf8.allSatisfy(\.isHexDigit), let byte = UInt8(pair, radix: 16) else {
                return nil
            }
            bytes.append(byte)
        }
        self.init(algorithm: words[0].lowercased(), bytes: bytes)
    }

    /// In upper case, as RFC 8122 §5 asks.
    package var description: String {
        let digits = Array("0123456789ABCDEF".utf8)
        var text: [UInt8] = []
        for byte in bytes {
            if !text.isEmpty { text.append(UInt8(ascii: ":")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 0xF)])
        }
        return "\(algorithm) \(String(decoding: text, as: UTF8.self))"
    }
}

extension SDPAttributes {
    /// The direction that stands here; nil where none does.
    package var direction: TransceiverDirection? {
        get {
            for attribute in all {
                if let direction = TransceiverDirection(rawValue: attribute.name) { return direction }
            }
            return nil
        }
        set {
            let place = all.firstIndex { TransceiverDirection(rawValue: $0.name) != nil } ?? all.count
            all.removeAll { TransceiverDirection(rawValue: $0.name) != nil }
            if let newValue { all.insert(SDPAttribute(newValue.rawValue), at: place) }
        }
    }
}

extension StringProtocol {
    /// The words of a value; several blanks count as one.
    var sdpWords: [Substring] {
        // By bytes: a blank that a combining mark follows is a blank.
        Substring(self).utf8.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.map { Substring($0) }
    }

    /// The first word, and what follows it.
    var sdpFirstWord: (first: Substring, rest: Substring)? {
        let text = sdpTrimmed.utf8
        guard let end = text.firstIndex(where: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }) else {
            return text.isEmpty ? nil : (Substring(text), "")
        }
        return (Substring(text[..<end]), Substring(text[end...]).sdpTrimmed)
    }

    /// Without blanks at either end.
    var sdpTrimmed: Substring {
        let tail = Substring(self).utf8.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        guard let last = tail.lastIndex(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }) else {
            return ""
        }
        return Substring(tail[...last])
    }
}

extension UInt8 {
    var isHexDigit: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
