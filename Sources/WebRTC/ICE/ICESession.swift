internal import Media

/// What belongs to one generation of credentials: it begins anew with a restart.
struct ICESession: Sendable {
    struct Remote: Sendable {
        var candidate: ICECandidate
        /// The user name fragment it used, where it came before the peer's credentials.
        var earlyUfrag: [UInt8]?
    }

    let local: ICECredentials
    /// `ufrag:`, with which the user name of a check to us begins.
    let usernamePrefix: [UInt8]
    var remote: ICECredentials?
    var isRemoteLite = false
    var hasAllRemotes = false
    var remotes: [Remote] = []
    /// Candidates whose names are being resolved.
    var unresolved: [ICECandidate] = []
    var pairs: [ICEPair] = []
    var selected: Int?
    /// When the generation began: with the credentials of the peer, or with the restart that asks for them.
    var begun: MonotonicInstant?

    init(local: ICECredentials) {
        self.local = local
        usernamePrefix = Array("\(local.ufrag):".utf8)
    }

    /// Where in `pairs` the selected one is.
    var selectedIndex: Int? { selected.flatMap { id in pairs.firstIndex { $0.id == id } } }

    func index(_ path: ICEPath, _ remote: SocketAddress) -> Int? {
        pairs.firstIndex { $0.path == path && $0.remote == remote }
    }

    func index(of transaction: STUNMessage.Transaction) -> Int? {
        pairs.firstIndex { $0.check?.transaction == transaction || $0.consent?.awaits(transaction) == true }
    }

    /// No more pairs than this are kept (RFC 8445 §6.1.2.5), and no more candidates of the peer.
    static let maximumPairs = 100
    static let maximumRemotes = 64
}

/// The pair that data goes over while a restart looks for a new one (RFC 8445 §9).
struct ICEPreviousSession: Sendable {
    let local: ICECredentials
    let usernamePrefix: [UInt8]
    let remote: ICECredentials
    var pair: ICEPair
}
