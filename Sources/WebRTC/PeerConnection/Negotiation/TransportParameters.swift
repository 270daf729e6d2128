/// What our descriptions say of the transport.
struct TransportParameters: Sendable {
    var credentials: ICECredentials
    var fingerprint: DTLSFingerprint
    var candidates: [ICECandidate] = []
    var hasAllCandidates = false
}

/// What the far side's description says of the transport.
struct RemoteTransport: Sendable, Hashable {
    var credentials: ICECredentials
    var isLite: Bool
    var fingerprints: [DTLSFingerprint]
    var setup: DTLSSetup
    var candidates: [ICECandidate]
    var hasAllCandidates: Bool
}
