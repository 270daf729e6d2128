import RTP

extension RTPExtensionIDs {
    /// The extensions that are offered for a kind of media, under the numbers that browsers use.
    static func offered(_ kind: RTPMediaKind) -> Self {
        var ids = RTPExtensionIDs()
        ids.absoluteSendTime = 2
        ids.transportSequence = 3
        ids.mid = 4
        switch kind {
        case .audio: ids.audioLevel = 1
        case .video:
            ids.streamID = 10
            ids.repairedStreamID = 11
        }
        return ids
    }

    private static let names: [(uri: String, id: any WritableKeyPath<RTPExtensionIDs, UInt8?> & Sendable)] = [
        (AudioLevel.uri, \.audioLevel), (absoluteSendTimeURI, \.absoluteSendTime),
        (transportSequenceURI, \.transportSequence), (midURI, \.mid), (streamIDURI, \.streamID),
        (repairedStreamIDURI, \.repairedStreamID),
    ]

    /// `a=extmap` lines (RFC 8285 §5).
    var sdp: [SDPExtension] {
        Self.names.compactMap { name in self[keyPath: name.id].map { SDPExtension(id: $0, uri: name.uri) } }
    }

    /// What the far side offers, of what we know; under its numbers.
    func intersection(_ offered: [SDPExtension]) -> Self {
        var ids = RTPExtensionIDs()
        for name in Self.names where self[keyPath: name.id] != nil {
            ids[keyPath: name.id] = offered.first { $0.uri == name.uri }?.id
        }
        return ids
    }
}
