internal import Media

/// A server of the configuration, one URI of it.
struct ICEGatheringServer: Sendable {
    enum Resolution: Sendable, Hashable {
        case notAsked
        case asked
        /// Empty where the name has none.
        case done([SocketAddress])
    }

    let address: ICEServer.Address
    let username: String
    let credential: String
    var resolution: Resolution
    /// Whether its one stream was asked for.
    var hasStream = false

    init(_ address: ICEServer.Address, _ server: ICEServer) {
        self.address = address
        username = server.username
        credential = server.credential
        resolution = SocketAddress(ip: address.host, port: address.port).map { .done([$0]) } ?? .notAsked
    }

    var addresses: [SocketAddress] {
        guard case .done(let addresses) = resolution else { return [] }
        return addresses
    }
}

/// What a STUN server says of one of our sockets, asked again and again so that the NAT keeps its mapping.
struct ICEReflexion: Sendable {
    let base: Int
    let server: SocketAddress
    var transaction: STUNMessage.Transaction
    var bytes: [UInt8]
    var begun: MonotonicInstant
    var sent: MonotonicInstant
    var interval: Duration
    /// Nothing is awaited until the next keepalive.
    var isSettled = false
    /// Whether it was ever answered; a server that never was is not asked again.
    var isAnswered = false
}

/// An allocation, and how its server is reached.
struct ICERelay: Sendable {
    let id: Int
    let server: Int
    /// The socket, or nil for a stream.
    let base: Int?
    /// The stream, which has the relay's id, is open.
    var isOpen = false
    var address: SocketAddress
    var client: TURNClient
    var reader = TURNStreamReader()
    var redirections = 0
    /// How many allocations in a row were lost or refused before this one.
    var losses = 0
    var allocated: MonotonicInstant?
    var isSettled: Bool { client.state == .allocated || client.state == .closed }
}

/// An allocation that is gone, and asked for again at a time.
struct ICELostRelay: Sendable {
    let server: Int
    let base: Int?
    let address: SocketAddress
    let losses: Int
    let due: MonotonicInstant
}
